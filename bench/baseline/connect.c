/*
 * Usage: connect <port> <source> <low port> <high port> <connections> <in flight> <loops> <in turn> <timed> <limit>
 * The last three: whether the loops open one after the other, whether the slowest attempt is wanted, seconds.
 *
 * Prints {"ready":true}; then, for each line of standard input:
 *   go       opens the connections and prints what that took
 *   release  resets them and prints {"released":true}
 * It ends with its standard input.
 */
#include "connect.h"

#include <arpa/inet.h>
#include <sys/socket.h>

enum { kLoopsMax = 64 };

static struct plan plan;
static struct loop loops[kLoopsMax];

static void run_on_loops(loop_action* action) {
  if (plan.loops == 1) {
    action(&loops[0]);
  } else if (plan.in_turn) {
    for (unsigned i = 0; i < plan.loops; i++)
      run_on_threads(action, &loops[i]);
  } else {
    run_on_threads(action, NULL);
  }
}

/* Of all threads, in microseconds. */
static uint64_t process_cpu_us(void) {
  struct rusage usage;
  check(getrusage(RUSAGE_SELF, &usage), "getrusage");
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Of all loops: what they opened and skipped, the slowest attempt, and the failures by errno. */
static struct loop sum_of_loops(void) {
  struct loop sum = {.opened = 0};
  for (unsigned i = 0; i < plan.loops; i++) {
    const struct loop* const loop = &loops[i];
    sum.opened += loop->opened;
    sum.ports_skipped += loop->ports_skipped;
    if (loop->slowest_ns > sum.slowest_ns) sum.slowest_ns = loop->slowest_ns;
    for (int error = 0; error < kErrnoMax; error++)
      sum.failures[error] += loop->failures[error];
  }
  return sum;
}

static void report_failures(const struct loop* sum) {
  const char* separator = "";
  printf("\"failures\":{");
  for (int error = 0; error < kErrnoMax; error++) {
    if (sum->failures[error] == 0) continue;
    printf("%s\"%d\":%u", separator, error, sum->failures[error]);
    separator = ",";
  }
  printf("}}\n");
  fflush(stdout);
}

static double seconds(uint64_t from_ns, uint64_t to_ns) { return (double)(to_ns - from_ns) / 1e9; }

static void report_stretch(const char* name, const struct moment* from, const struct moment* to) {
  printf("\"%s\":{\"count\":%u,\"seconds\":%.9f}", name, to->opened - from->opened, seconds(from->at_ns, to->at_ns));
}

static void report_edges(void) {
  printf("\"edge\":{");
  report_stretch("first", &plan.moments[0], &plan.moments[1]);
  printf(",");
  report_stretch("last", &plan.moments[2], &plan.moments[3]);
  printf("},");
}

/* The moments are those of the system's monotonic clock: other processes can be timed against them. */
static void report(uint64_t ended_ns, uint64_t cpu_us) {
  const struct loop sum = sum_of_loops();
  printf("{\"opened\":%u,\"portsSkipped\":%u,\"cpuMicros\":%llu,", sum.opened, sum.ports_skipped,
         (unsigned long long)cpu_us);
  printf("\"startedSeconds\":%.9f,\"endedSeconds\":%.9f,", seconds(0, plan.started_ns), seconds(0, ended_ns));
  if (plan.marks_passed == kMarks) report_edges();
  if (plan.timed) printf("\"slowestMicros\":%.3f,", (double)sum.slowest_ns / 1e3);
  report_failures(&sum);
}

static void open_connections(void) {
  const uint64_t cpu_before_us = process_cpu_us();
  plan.opened_earlier = plan.marks_passed = 0;
  plan.started_ns = now_ns();
  run_on_loops(open_all);
  const uint64_t ended_ns = now_ns();
  report(ended_ns, process_cpu_us() - cpu_before_us);
}

static void release_connections(void) {
  run_on_loops(reset_all);
  printf("{\"released\":true}\n");
  fflush(stdout);
}

static struct sockaddr_in address(const char* host, unsigned port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) == 1) return address;
  fprintf(stderr, "not an IPv4 address: %s\n", host);
  exit(2);
}

static void mark_edges(void) {
  const unsigned ends = 2 * plan.in_flight_max;
  const unsigned quarter = plan.count > ends ? (plan.count - ends) / 4 : 0;
  const unsigned edge = quarter < kEdgeMax ? quarter : kEdgeMax;
  if (edge == 0) return;
  plan.marks[0] = plan.in_flight_max;
  plan.marks[1] = plan.marks[0] + edge;
  plan.marks[3] = plan.count - plan.in_flight_max;
  plan.marks[2] = plan.marks[3] - edge;
}

static void read_plan(char** argument) {
  plan.destination = address("127.0.0.1", parse_number(argument[0], UINT16_MAX));
  plan.source = address(argument[1], 0);
  plan.port_low = (uint16_t)parse_number(argument[2], UINT16_MAX);
  plan.port_high = (uint16_t)parse_number(argument[3], UINT16_MAX);
  plan.count = parse_number(argument[4], 1000000);
  plan.in_flight_max = parse_number(argument[5], 10000);
  plan.loops = parse_number(argument[6], kLoopsMax);
  plan.in_turn = parse_number(argument[7], 1) == 1;
  plan.timed = parse_number(argument[8], 1) == 1;
  plan.limit_ns = parse_number(argument[9], 600) * UINT64_C(1000000000);
  if (plan.loops == 1 || plan.in_turn) mark_edges();
}

int main(int argc, char** argv) {
  if (argc != 11) {
    fprintf(stderr,
            "usage: connect <port> <source> <low port> <high port> <connections> <in flight> <loops> <in turn> <timed> "
            "<limit>\n");
    return 2;
  }
  char line[64];
  read_plan(argv + 1);
  raise_descriptor_limit();
  for (unsigned i = 0; i < plan.loops; i++)
    loops[i] = (struct loop){.plan = &plan, .index = i};
  if (plan.loops == 1)
    prepare_loop(&loops[0]);
  else
    start_threads(loops, plan.loops);
  printf("{\"ready\":true}\n");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (strcmp(line, "go\n") == 0) open_connections();
    if (strcmp(line, "release\n") == 0) release_connections();
  }
  return 0;
}
