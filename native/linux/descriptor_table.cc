#include "linux/descriptor_table.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>
#include <vector>

#include "linux/os_error.h"
#include "linux/owned_handle.h"

namespace connscale::platform {

namespace {

// linux/close_range.h; absent from the headers of Debian 11 and Ubuntu 20.04, which the prebuilt binary is made on.
constexpr unsigned kUnshare = 1U << 1;
constexpr int kFirstOwn = 3;  // after standard input, output and error

int close_range(unsigned first, unsigned last, unsigned flags) noexcept {
  if (first > last) return 0;
  return static_cast<int>(::syscall(SYS_close_range, first, last, flags));
}

}  // namespace

uint32_t descriptor_limit() noexcept {
  rlimit limit{};
  const int result = ::getrlimit(RLIMIT_NOFILE, &limit);
  assert(result == 0);  // getrlimit(2): fails only for a bad address or an unknown resource
  (void)result;
  return static_cast<uint32_t>(std::min<rlim_t>(limit.rlim_cur, INT_MAX));
}

void prepare_descriptor_table(uint32_t wanted) noexcept {
  const uint32_t last = std::min(wanted, descriptor_limit());
  if (last == 0) return;
  // The highest number grows the table at once; it is given back at the end of this statement.
  // ignored: EMFILE (the number is taken: the table has this size already) and ENOMEM cost speed, not correctness.
  const OwnedHandle highest(::fcntl(0, F_DUPFD_CLOEXEC, static_cast<int>(last) - 1));
}

Result<void> leave_descriptor_table(const int* kept, uint32_t count) noexcept {
  std::vector<int> sorted(kept, kept + count);
  std::sort(sorted.begin(), sorted.end());
  const int highest = sorted.empty() ? kFirstOwn - 1 : std::max(sorted.back(), kFirstOwn - 1);
  // From the top down: with this flag the kernel copies only what lies below the range, so the copy stays small.
  if (close_range(static_cast<unsigned>(highest) + 1, ~0U, kUnshare) != 0) return last_error(Call::kCloseRange);
  int next = kFirstOwn;
  for (const int keep : sorted) {
    if (keep < next) continue;
    if (close_range(static_cast<unsigned>(next), static_cast<unsigned>(keep) - 1, 0) != 0) {
      return last_error(Call::kCloseRange);
    }
    next = keep + 1;
  }
  return {};
}

bool can_leave_descriptor_table() noexcept {
  // An empty range beyond every descriptor: nothing is closed, and nothing unshared without the flag.
  return ::syscall(SYS_close_range, ~0U, ~0U, 0) == 0;
}

}  // namespace connscale::platform
