/* Usage: load <case> <port> <count> <concurrency> <source network> <limit in seconds> */
#include "load.h"

static const struct {
  const char* name;
  load_case* run;
} cases[] = {{"echo", run_echo}, {"churn", run_churn}, {"pingpong", run_pingpong}, {"hold", run_hold}};

void announce_ready_and_wait(void) {
  printf("{\"ready\":true}\n");
  fflush(stdout);
  int character;
  do {
    character = getchar();
    if (character == EOF) exit(0);
  } while (character != '\n');
}

/* Failures are counted by errno; the harness knows the names. */
void report_result(const struct load* load, uint64_t started_ns) {
  const char* separator = "";
  printf("{\"completed\":%u,\"seconds\":%.9f,\"failures\":{", load->completed, (double)(now_ns() - started_ns) / 1e9);
  for (int error = 0; error < kErrnoMax; error++) {
    if (load->failures[error] == 0) continue;
    printf("%s\"%d\":%u", separator, error, load->failures[error]);
    separator = ",";
  }
  printf("}}\n");
  fflush(stdout);
}

/* The harness reads what this process has used before it lets it go. */
void report_and_wait(const struct load* load, uint64_t started_ns) {
  report_result(load, started_ns);
  while (getchar() != EOF) {
  }
}

int main(int argc, char** argv) {
  if (argc != 7) {
    fprintf(stderr, "usage: load <case> <port> <count> <concurrency> <source network> <limit in seconds>\n");
    return 2;
  }
  struct load load = {.port = (uint16_t)parse_number(argv[2], UINT16_MAX),
                      .count = parse_number(argv[3], 100000000),
                      .concurrency = parse_number(argv[4], 10000),
                      .source_network = parse_number(argv[5], 255),
                      .limit_ns = parse_number(argv[6], 600) * UINT64_C(1000000000)};
  raise_descriptor_limit();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (strcmp(cases[i].name, argv[1]) != 0) continue;
    cases[i].run(&load);
    return 0;
  }
  fprintf(stderr, "unknown case: %s\n", argv[1]);
  return 2;
}
