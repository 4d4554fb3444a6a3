// A descriptor table of one's own, for real: numbers, what is closed, and whose limit counts.
#include <doctest/doctest.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "platform.h"
#include "test/descriptors.h"

namespace platform = connscale::platform;
using connscale::test::is_open;
using connscale::test::LoweredLimit;
using connscale::test::open_all;
using connscale::test::open_one;
using platform::OwnedHandle;

TEST_CASE("in a table of its own a thread has what it kept, under the same numbers, and nothing else") {
  REQUIRE(platform::can_leave_descriptor_table());
  std::vector<OwnedHandle> handles;
  for (int i = 0; i < 10; ++i)
    handles.push_back(open_one());
  std::vector<int> kept = {handles[7].get(), handles[2].get(), STDERR_FILENO};
  std::vector<int> seen;
  bool left = false;
  std::thread thread([&] {
    left = platform::leave_descriptor_table(kept.data(), static_cast<uint32_t>(kept.size())).ok();
    for (int descriptor = 0; descriptor < 1'000; ++descriptor) {
      if (is_open(descriptor)) seen.push_back(descriptor);
    }
  });
  thread.join();
  CHECK(left);
  CHECK(seen == std::vector<int>{0, 1, 2, handles[2].get(), handles[7].get()});
  for (const OwnedHandle& handle : handles)
    CHECK(is_open(handle.get()));
}

TEST_CASE("a thread may leave with nothing at all") {
  const OwnedHandle ours = open_one();
  bool alone = false;
  std::thread thread([&] {
    const bool left = platform::leave_descriptor_table(nullptr, 0).ok();
    alone = left && !is_open(ours.get()) && is_open(STDERR_FILENO);
  });
  thread.join();
  CHECK(alone);
  CHECK(is_open(ours.get()));
}

TEST_CASE("what a thread opens and closes in its own table is nobody else's") {
  const OwnedHandle kept = open_one();
  const int number = kept.get();
  std::thread thread([number] {
    (void)platform::leave_descriptor_table(&number, 1);  // ignored: the checks below say it
    OwnedHandle(number).reset();
    const OwnedHandle theirs = open_one();
  });
  thread.join();
  CHECK(is_open(number));
}

TEST_CASE("the limit counts for each table alone") {
  const LoweredLimit limit(200);
  std::vector<OwnedHandle> ours;
  const uint32_t here = open_all(ours);
  REQUIRE(here > 100);
  uint32_t there = 0;
  std::thread thread([&there] {
    std::vector<OwnedHandle> theirs;
    if (platform::leave_descriptor_table(nullptr, 0).ok()) there = open_all(theirs);
  });
  thread.join();
  CHECK(there == 197);  // all but standard input, output and error
}

TEST_CASE("sizing the table opens nothing and needs no room") {
  const LoweredLimit limit(300);
  CHECK(platform::descriptor_limit() == 300);
  platform::prepare_descriptor_table(0);
  platform::prepare_descriptor_table(100);
  platform::prepare_descriptor_table(1'000'000);
  CHECK_FALSE(is_open(99));
  CHECK_FALSE(is_open(299));
  std::vector<OwnedHandle> all;
  open_all(all);
  platform::prepare_descriptor_table(300);  // full: nothing happens
  CHECK(is_open(299));
}
