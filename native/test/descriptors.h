// Descriptors to hold, and limits to meet.
#ifndef CONNSCALE_TEST_DESCRIPTORS_H_
#define CONNSCALE_TEST_DESCRIPTORS_H_

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "linux/owned_handle.h"

namespace connscale::test {

inline platform::OwnedHandle open_one() { return platform::OwnedHandle(::eventfd(0, EFD_CLOEXEC)); }
inline bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) != -1; }

/// Opens descriptors until the kernel refuses; how many there were.
inline uint32_t open_all(std::vector<platform::OwnedHandle>& into) {
  uint32_t count = 0;
  for (platform::OwnedHandle one = open_one(); one.valid(); one = open_one()) {
    into.push_back(std::move(one));
    ++count;
  }
  return count;
}

/// A lower RLIMIT_NOFILE while it lives.
class LoweredLimit {
 public:
  explicit LoweredLimit(rlim_t descriptors) {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const rlimit lowered{std::min(descriptors, before_.rlim_max), before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
  }
  LoweredLimit(const LoweredLimit&) = delete;
  LoweredLimit& operator=(const LoweredLimit&) = delete;
  ~LoweredLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_DESCRIPTORS_H_
