// The table that holds this thread's descriptors: its size, and a table of one's own.
#ifndef CONNSCALE_LINUX_DESCRIPTOR_TABLE_H_
#define CONNSCALE_LINUX_DESCRIPTOR_TABLE_H_

#include <cstdint>

#include "base/result.h"

namespace connscale::platform {

/// RLIMIT_NOFILE in force: descriptors that one table may hold.
uint32_t descriptor_limit() noexcept;

/// Grows the table to hold `wanted` descriptors (or the limit, if that is less) in one step. In a process with threads
/// each doubling would wait for an RCU grace period: 3 to 32 ms, seven times on the way to 16,384.
/// Source: fs/file.c expand_fdtable.
void prepare_descriptor_table(uint32_t wanted) noexcept;

/// Gives the calling thread a table of its own that holds 0 to 2 and `kept`; RLIMIT_NOFILE then counts for it alone.
/// Errors: ENOSYS before Linux 5.9, EPERM under a seccomp filter, ENOMEM. Source: close_range(2).
Result<void> leave_descriptor_table(const int* kept, uint32_t count) noexcept;

/// Whether this kernel lets a thread leave the shared table.
bool can_leave_descriptor_table() noexcept;

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_DESCRIPTOR_TABLE_H_
