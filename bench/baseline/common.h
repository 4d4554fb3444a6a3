/* What the C programs share: failing loudly, arguments, limits and the clock. */
#ifndef CONNSCALE_BENCH_COMMON_H
#define CONNSCALE_BENCH_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static inline _Noreturn void die(const char* call) {
  fprintf(stderr, "%s: %s\n", call, strerror(errno));
  exit(1);
}

static inline int check(int result, const char* call) {
  if (result < 0) die(call);
  return result;
}

static inline unsigned parse_number(const char* text, unsigned long max) {
  char* end;
  const unsigned long value = strtoul(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value > max) {
    fprintf(stderr, "not a number up to %lu: %s\n", max, text);
    exit(2);
  }
  return (unsigned)value;
}

/* Node.js raises its soft limit at start too. */
static inline void raise_descriptor_limit(void) {
  struct rlimit limit;
  check(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  check(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

static inline uint64_t now_ns(void) {
  struct timespec now;
  check(clock_gettime(CLOCK_MONOTONIC, &now), "clock_gettime");
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
