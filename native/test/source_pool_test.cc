#include "engine/source_pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "platform.h"

using namespace connscale;  // a test of the engine's words

namespace {

SocketAddress address_of(const char* text) {
  SocketAddress address;
  REQUIRE(platform::parse_address(text, &address));
  return address;
}

std::string text_of(const SocketAddress& address) {
  char text[platform::kAddressTextMax];
  platform::format_address(address, text);
  return text;
}

SourcePool pool_of(SourceStrategy strategy) {
  return SourcePool({{address_of("127.0.0.254"), 4}, {address_of("10.0.0.1"), 1}}, strategy);
}

}  // namespace

TEST_CASE("a pool counts its addresses and carries from byte to byte") {
  const SourcePool pool = pool_of(SourceStrategy::kRoundRobin);
  CHECK(pool.count() == 5);
  CHECK(text_of(pool.at(0)) == "127.0.0.254");
  CHECK(text_of(pool.at(2)) == "127.0.1.0");
  CHECK(text_of(pool.at(4)) == "10.0.0.1");
  for (uint32_t i = 0; i < pool.count(); ++i)
    CHECK(pool.index_of(pool.at(i)) == i);
  CHECK(pool.index_of(address_of("127.0.1.2")) == SourcePool::kNone);
  CHECK(pool.index_of(address_of("127.0.0.253")) == SourcePool::kNone);
  CHECK(pool.index_of(address_of("::1")) == SourcePool::kNone);
}

TEST_CASE("a network of a million addresses, and IPv6") {
  const SourcePool pool({{address_of("fd00::ffff:ff00"), 1'000'000}}, SourceStrategy::kRoundRobin);
  CHECK(text_of(pool.at(256)) == "fd00::1:0:0");
  CHECK(pool.index_of(pool.at(999'999)) == 999'999);
  CHECK(pool.index_of(address_of("fe00::")) == SourcePool::kNone);
}

TEST_CASE("round-robin goes through all of them in a circle") {
  SourcePool pool = pool_of(SourceStrategy::kRoundRobin);
  for (uint32_t i = 0; i < 12; ++i)
    CHECK(pool.next() == i % 5);
}

TEST_CASE("least-used takes a source with the fewest connections") {
  SourcePool pool = pool_of(SourceStrategy::kLeastUsed);
  std::vector<uint32_t> uses(5);
  uint32_t state = 12'345;
  for (int i = 0; i < 2'000; ++i) {
    state = state * 1'103'515'245 + 12'345;
    const uint32_t victim = (state >> 16) % 5;
    if ((state >> 20) % 3 == 0 && uses[victim] > 0) {
      --uses[victim];
      pool.on_release(victim);
      continue;
    }
    const uint32_t next = pool.next();
    CHECK(uses[next] == *std::min_element(uses.begin(), uses.end()));
    ++uses[next];
    pool.on_use(next);
  }
}
