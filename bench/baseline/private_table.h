/*
 * A descriptor table for the calling thread alone: RLIMIT_NOFILE counts per table, so threads that each have one hold
 * as many times the limit. It needs no privilege.
 * close_range(2): https://man7.org/linux/man-pages/man2/close_range.2.html, since Linux 5.9.
 */
#ifndef CONNSCALE_BENCH_PRIVATE_TABLE_H
#define CONNSCALE_BENCH_PRIVATE_TABLE_H

#include "common.h"

#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Descriptors below `first` are copied. Those from it on are not: a copy would keep them open behind their owner. */
static inline void leave_descriptor_table(unsigned first) {
  check((int)syscall(SYS_close_range, first, ~0u, CLOSE_RANGE_UNSHARE), "close_range");
}

#endif
