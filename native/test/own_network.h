// A network namespace of the test's own: its ports, sysctls and TIME_WAITs are nobody else's.
#ifndef CONNSCALE_TEST_OWN_NETWORK_H_
#define CONNSCALE_TEST_OWN_NETWORK_H_

#include <doctest/doctest.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "linux/owned_handle.h"

namespace connscale::test {

inline bool raise_loopback() {
  const platform::OwnedSocket socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

/// Takes the calling thread into a new network namespace, once. Root may; others where they may make user namespaces.
/// False: not here. In CI that fails the test: what needs a namespace would not be tested.
inline bool enter_own_network() {
  static const bool kEntered = [] {
    const bool made = ::unshare(CLONE_NEWNET) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    return made && raise_loopback();
  }();
  if (!kEntered) {
    CHECK_MESSAGE(std::getenv("CI") == nullptr, "no network namespace can be made here");
    MESSAGE("NOT RUN: no network namespace can be made here");
  }
  return kEntered;
}

inline void write_sysctl(const char* path, std::string_view value) {
  const platform::OwnedHandle file(::open(path, O_WRONLY | O_CLOEXEC));
  REQUIRE(file.valid());
  REQUIRE(::write(file.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size()));
}

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_OWN_NETWORK_H_
