#include "base/receive_slab.h"

#include <doctest/doctest.h>

#include <vector>

using connscale::kReceiveMax;
using connscale::kReceiveMin;
using connscale::ReceiveSlab;

TEST_CASE("receives lie one behind the other until the slab is cleared") {
  std::vector<uint8_t> memory(3 * kReceiveMax);
  ReceiveSlab slab(memory.data(), static_cast<uint32_t>(memory.size()));
  CHECK(slab.next() == memory.data());
  CHECK(slab.commit(100) == 0);
  CHECK(slab.commit(50) == 100);
  CHECK(slab.next() == memory.data() + 150);
  CHECK(slab.used() == 150);
  slab.clear();
  CHECK(slab.commit(1) == 0);
}

TEST_CASE("one receive takes neither the whole slab nor a crumb of it") {
  std::vector<uint8_t> memory(2 * kReceiveMax);
  ReceiveSlab slab(memory.data(), static_cast<uint32_t>(memory.size()));
  CHECK(slab.room() == kReceiveMax);
  slab.commit(kReceiveMax);
  slab.commit(kReceiveMax - kReceiveMin);
  CHECK(slab.room() == kReceiveMin);
  slab.commit(1);
  CHECK(slab.room() == 0);
}

TEST_CASE("a slab smaller than a crumb is used whole, once") {
  std::vector<uint8_t> memory(kReceiveMin / 2);
  ReceiveSlab slab(memory.data(), static_cast<uint32_t>(memory.size()));
  CHECK(slab.room() == kReceiveMin / 2);
  slab.commit(1);
  CHECK(slab.room() == 0);
}

TEST_CASE("no slab has no room") {
  const ReceiveSlab none;
  CHECK(none.room() == 0);
}
