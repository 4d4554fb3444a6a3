#include "engine/send_batch.h"

#include <doctest/doctest.h>

using connscale::SendBatch;
using connscale::Slice;

namespace {

const uint8_t kBytes[256] = {};

Slice slice(uint32_t at) { return {kBytes + at, 1}; }

}  // namespace

TEST_CASE("the slices of a connection stay in order, among those of others") {
  SendBatch batch;
  const uint32_t first = batch.open(10, slice(0));
  const uint32_t second = batch.open(20, slice(100));
  for (uint32_t i = 1; i < 50; ++i) {
    batch.append(first, slice(i));
    batch.append(second, slice(100 + i));
  }
  CHECK(batch.size() == 2);
  for (const uint32_t entry : {first, second}) {
    CHECK(batch.at(entry).slot == (entry == first ? 10 : 20));
    const uint32_t base = entry == first ? 0 : 100;
    Slice taken[20];
    uint32_t seen = 0;
    for (uint32_t count = 0; (count = batch.take(batch.at(entry), taken, 20)) > 0;) {
      for (uint32_t i = 0; i < count; ++i)
        CHECK(taken[i].data == kBytes + base + seen + i);
      seen += count;
    }
    CHECK(seen == 50);
    CHECK(batch.at(entry).first == SendBatch::kNone);
  }
}

TEST_CASE("a cleared batch is empty") {
  SendBatch batch;
  batch.open(1, slice(0));
  batch.clear();
  CHECK(batch.size() == 0);
  CHECK(batch.open(2, slice(1)) == 0);
  CHECK(batch.at(0).slot == 2);
}
