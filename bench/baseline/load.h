/*
 * The load generator: one thread, bounded in connections and in time.
 *
 * Every case has the same course, so that the harness can sample the server at rest before and after the load:
 *   prepare -> print {"ready":true} -> wait for a line -> load -> print the result -> wait for the end of input.
 */
#ifndef CONNSCALE_BENCH_LOAD_H
#define CONNSCALE_BENCH_LOAD_H

#include "common.h"

enum { kMessageBytes = 64, kErrnoMax = 256 };

struct load {
  uint16_t port;
  unsigned count;          /* connections (echo, churn) or messages in total (pingpong) */
  unsigned concurrency;    /* connections in flight (echo, churn) or open (pingpong) */
  unsigned source_network; /* x in the source addresses 127.x.0.1 ... */
  uint64_t limit_ns;       /* a load that takes longer is cut off */

  unsigned completed;
  unsigned failures[kErrnoMax];
};

typedef void load_case(struct load* load);

load_case run_echo, run_churn;    /* load_turnover.c */
load_case run_pingpong, run_hold; /* load_standing.c */

/* load.c */
void announce_ready_and_wait(void);
void report_result(const struct load* load, uint64_t started_ns);
void report_and_wait(const struct load* load, uint64_t started_ns);

/* load_socket.c */
extern const char message[kMessageBytes];
int open_bound_socket(const struct load* load, unsigned index);
int establish(const struct load* load, int fd);
void reset_for_reuse(int fd);
void reset_and_close(int fd);
void fail(struct load* load, int error);

/* load_queue.c */
void open_queue_probe(uint16_t port);
int wait_for_accept_queue(unsigned depth_max, uint64_t deadline_ns);

#endif
