/*
 * The bar for opening connections: bare loops, each with one epoll, that connect from explicit ports and hold.
 *
 * One loop runs on the main thread of a process that has no other thread. Several have a thread each, with a descriptor
 * table of its own, and a slice of the ports.
 */
#ifndef CONNSCALE_BENCH_CONNECT_H
#define CONNSCALE_BENCH_CONNECT_H

#include "common.h"

#include <netinet/in.h>
#include <stdbool.h>

enum { kErrnoMax = 256, kEdgeMax = 1000, kMarks = 4 };

/* What all loops have in common. */
struct plan {
  struct sockaddr_in source, destination;
  uint16_t port_low, port_high; /* both included */
  unsigned count, in_flight_max, loops;
  bool in_turn; /* one loop opens after the other */
  bool timed;   /* look at the clock twice for each connection */
  uint64_t limit_ns;

  uint64_t started_ns;

  /* The rates of the first and of the last connections, unless several loops open at once. As many as may be in flight
   * are left out at both ends, where connects begin and none opens, or the other way round. A stretch begins and ends
   * between two batches of events. */
  unsigned marks[kMarks]; /* of opened connections: first stretch from, to; last stretch from, to. 0: not wanted */
  struct moment {
    uint64_t at_ns;
    unsigned opened;
  } moments[kMarks];
  unsigned marks_passed;
  unsigned opened_earlier; /* by loops whose turn is over */
};

struct connection {
  int fd;
  bool open;
};

struct loop {
  struct plan* plan;
  unsigned index;               /* which slice of the ports is its own */
  unsigned count;               /* connections wanted */
  unsigned port_low, port_high; /* both included */
  struct connection* connections;
  uint64_t* started_ns; /* of each connection, when timed */
  int epoll;

  /* Of the last time that it opened: */
  unsigned begun, in_flight; /* what has begun and is not in flight is open or has failed */
  unsigned opened, ports_skipped;
  unsigned next_port;
  uint64_t slowest_ns; /* from before socket(2) to the event */
  unsigned failures[kErrnoMax];
};

typedef void loop_action(struct loop* loop);

/* connect_loop.c */
loop_action prepare_loop, open_all, reset_all;

/* connect_threads.c */
void start_threads(struct loop* loops, unsigned count);
void run_on_threads(loop_action* wanted, const struct loop* only); /* NULL: on all, at once */

#endif
