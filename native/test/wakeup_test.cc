#include "platform.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <thread>

using connscale::platform::Wakeup;

namespace {

bool readable(const Wakeup& wakeup) {
  pollfd watched{wakeup.descriptor(), POLLIN, 0};
  return ::poll(&watched, 1, 0) == 1;
}

}  // namespace

TEST_CASE("a wake is seen until it is taken back, however many there were") {
  auto opened = Wakeup::open();
  REQUIRE(opened.ok());
  const Wakeup wakeup = std::move(opened.value());
  CHECK_FALSE(readable(wakeup));
  wakeup.clear();
  for (int i = 0; i < 3; ++i)
    wakeup.wake();
  CHECK(readable(wakeup));
  wakeup.clear();
  CHECK_FALSE(readable(wakeup));
}

TEST_CASE("wait() returns for a wake that came before and for one that comes later") {
  auto opened = Wakeup::open();
  REQUIRE(opened.ok());
  const Wakeup wakeup = std::move(opened.value());
  wakeup.wake();
  wakeup.wait();
  CHECK_FALSE(readable(wakeup));
  std::thread waker([&wakeup] { wakeup.wake(); });
  wakeup.wait();
  waker.join();
}
