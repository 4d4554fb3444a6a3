#include "engine/timer_wheel.h"

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "sim/random.h"

using connscale::ConnectionTable;
using connscale::TimerWheel;

namespace {

constexpr uint32_t kSlots = 64;

/// A wheel over a table of its own, standing at `start`.
struct Timers {
  explicit Timers(uint32_t start) : table(kSlots), wheel(table) {
    for (uint32_t i = 0; i < kSlots; ++i)
      table.acquire();
    wheel.start(start);
  }
  std::vector<uint32_t> advance(uint32_t now, uint32_t max = UINT32_MAX) {
    std::vector<uint32_t> expired;
    wheel.advance(now, max, [&expired](uint32_t slot) { expired.push_back(slot); });
    return expired;
  }

  ConnectionTable table;
  TimerWheel wheel;
};

}  // namespace

TEST_CASE("a deadline expires at its tick and not before") {
  for (const uint32_t start : {0U, 1'000U, 123'456U}) {
    for (const uint32_t ticks : {1U, 2U, 63U, 64U, 65U, 1'023U, 1'024U, 1'025U, 5'000U, 65'535U}) {
      CAPTURE(start);
      CAPTURE(ticks);
      Timers timers(start);
      timers.wheel.insert(7, start + ticks);
      for (uint32_t now = start + 1; now < start + ticks; ++now)
        REQUIRE(timers.advance(now).empty());
      CHECK(timers.advance(start + ticks) == std::vector<uint32_t>{7});
      CHECK(timers.wheel.next() == -1);
    }
  }
}

TEST_CASE("nothing is lost in a long sleep") {
  Timers timers(500);
  for (uint32_t slot = 0; slot < kSlots; ++slot)
    timers.wheel.insert(slot, 501 + slot * 37);
  CHECK(timers.advance(500 + 1'000'000).size() == kSlots);
  CHECK(timers.wheel.next() == -1);
}

TEST_CASE("what a turn has no time for is due at once, and none of it is lost") {
  for (const uint32_t start : {500U, UINT32_MAX - 20U}) {
    CAPTURE(start);
    Timers timers(start);
    for (uint32_t slot = 0; slot < kSlots; ++slot)
      timers.wheel.insert(slot, start + 1 + slot / 16);
    size_t expired = 0;
    for (uint32_t i = 0; i < 6; ++i) {
      CHECK(static_cast<uint32_t>(timers.wheel.next()) - start <= 4);
      const size_t now = timers.advance(start + 4, 10).size();
      CHECK(now == 10);
      expired += now;
    }
    expired += timers.advance(start + 4, 10).size();
    CHECK(expired == kSlots);
    CHECK(timers.wheel.next() == -1);
  }
}

TEST_CASE("timers that were postponed are work as well") {
  Timers timers(500);
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    timers.wheel.insert(slot, 501);
    timers.wheel.postpone(slot, 600);
  }
  CHECK(timers.advance(501, 10).empty());
  CHECK(timers.wheel.next() == 501);
  for (int i = 0; i < 6; ++i)
    CHECK(timers.advance(501, 10).empty());
  CHECK(timers.wheel.next() == 600);
  CHECK(timers.advance(600).size() == kSlots);
}

TEST_CASE("ticks wrap in 32 bits") {
  Timers timers(UINT32_MAX - 10);
  timers.wheel.insert(1, UINT32_MAX - 5);
  timers.wheel.insert(2, 5);  // 16 ticks ahead
  timers.wheel.insert(3, 3'000);
  CHECK(timers.advance(UINT32_MAX - 5) == std::vector<uint32_t>{1});
  CHECK(timers.advance(4).empty());
  CHECK(timers.advance(5) == std::vector<uint32_t>{2});
  CHECK(timers.advance(2'999).empty());
  CHECK(timers.advance(3'000) == std::vector<uint32_t>{3});
}

TEST_CASE("a deadline that is postponed again and again expires after the last time") {
  Timers timers(100);
  timers.wheel.insert(4, 110);
  for (uint32_t now = 101; now < 3'000; ++now) {
    timers.wheel.postpone(4, now + 10);
    REQUIRE(timers.advance(now).empty());
  }
  CHECK(timers.advance(3'008).empty());
  CHECK(timers.advance(3'009) == std::vector<uint32_t>{4});
}

TEST_CASE("next() never sleeps past a deadline, nor longer than a rotation") {
  Timers timers(64);
  timers.wheel.insert(1, 64 + 1'024);
  CHECK(timers.wheel.next() == 64 + 1'024);
  timers.wheel.insert(2, 64 + 5'000);
  CHECK(timers.wheel.next() <= 64 + 1'024);
  timers.wheel.insert(3, 65);
  CHECK(timers.wheel.next() == 65);
  timers.wheel.remove(3);
  CHECK(timers.wheel.next() > 65);
}

TEST_CASE("a timer is removed wherever it stands in its bucket") {
  for (uint32_t removed = 0; removed < 3; ++removed) {
    Timers timers(0);
    for (uint32_t slot = 0; slot < 3; ++slot)
      timers.wheel.insert(slot, 50);
    timers.wheel.remove(removed);
    timers.wheel.remove(removed);  // what has no timer stays as it is
    CHECK(timers.advance(50).size() == 2);
  }
}

TEST_CASE("the wheel agrees with a list of deadlines, whatever is done to it") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    connscale::sim::Random random(seed);
    uint32_t now = random.chance(30) ? UINT32_MAX - 2'000 : 1'000;
    Timers timers(now);
    std::map<uint32_t, uint32_t> deadlines;  // by slot
    for (int step = 0; step < 2'000; ++step) {
      const uint32_t slot = random.below(kSlots);
      const uint32_t ticks = random.chance(80) ? random.between(1, 100) : random.between(1, 4'000);
      if (!deadlines.contains(slot)) {
        timers.wheel.insert(slot, now + ticks);
        deadlines[slot] = now + ticks;
      } else if (random.chance(30)) {
        timers.wheel.remove(slot);
        deadlines.erase(slot);
      } else if (static_cast<int32_t>(now + ticks - deadlines[slot]) > 0) {
        timers.wheel.postpone(slot, now + ticks);
        deadlines[slot] = now + ticks;
      }
      now += random.chance(5) ? random.below(3'000) : random.below(3);
      for (const uint32_t expired : timers.advance(now)) {
        REQUIRE(deadlines.contains(expired));
        REQUIRE(static_cast<int32_t>(deadlines[expired] - now) <= 0);
        deadlines.erase(expired);
      }
      for (const auto& [left, deadline] : deadlines)
        REQUIRE(static_cast<int32_t>(deadline - now) > 0);
    }
  }
}
