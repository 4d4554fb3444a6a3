#include "engine/write_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "base/limits.h"
#include "sim/random.h"

using connscale::kSendSlicesMax;
using connscale::kWriteChunkBytes;
using connscale::Slice;
using connscale::WriteQueue;
using connscale::WriteQueues;

namespace {

uint8_t byte_at(uint64_t position) {
  return static_cast<uint8_t>(position * 31 + (position >> 8) * 7 + (position >> 16));
}

bool matches(uint64_t position, const Slice& slice) {
  uint32_t same = 0;
  while (same < slice.length && slice.data[same] == byte_at(position + same))
    ++same;
  return same == slice.length;
}

bool append(WriteQueue& queue, uint64_t position, uint32_t length) {
  std::vector<uint8_t> bytes(length);
  for (uint32_t i = 0; i < length; ++i)
    bytes[i] = byte_at(position + i);
  return queue.append(bytes.data(), length);
}

/// How many bytes the queue's slices show, which must be those from `position` on.
uint64_t shown(const WriteQueue& queue, uint64_t position) {
  Slice slices[kSendSlicesMax];
  const uint32_t count = queue.slices(slices, kSendSlicesMax);
  uint64_t seen = 0;
  for (uint32_t i = 0; i < count; ++i) {
    REQUIRE(slices[i].length > 0);
    REQUIRE(matches(position + seen, slices[i]));
    seen += slices[i].length;
  }
  return seen;
}

}  // namespace

TEST_CASE("bytes come out as they went in") {
  WriteQueue queue;
  CHECK(append(queue, 0, 10));
  CHECK(append(queue, 10, kWriteChunkBytes));  // part in the first chunk, part in a second
  CHECK(append(queue, 10 + kWriteChunkBytes, 0));
  CHECK(append(queue, 10 + kWriteChunkBytes, 3 * kWriteChunkBytes));
  CHECK(queue.bytes() == 10 + 4 * kWriteChunkBytes);
  CHECK(shown(queue, 0) == queue.bytes());
  queue.consume(9);
  CHECK(shown(queue, 9) == queue.bytes());
  queue.consume(kWriteChunkBytes + 5);
  CHECK(shown(queue, kWriteChunkBytes + 14) == queue.bytes());
  queue.consume(static_cast<uint32_t>(queue.bytes()));
  CHECK(queue.bytes() == 0);
  CHECK(shown(queue, 0) == 0);
}

TEST_CASE("bytes that are queued do not move while others are appended") {
  WriteQueue queue;
  REQUIRE(append(queue, 0, 100));
  Slice before[1];
  REQUIRE(queue.slices(before, 1) == 1);
  for (uint64_t position = 100; position < 1'000'000; position += 5'000)
    REQUIRE(append(queue, position, 5'000));
  Slice after[1];
  REQUIRE(queue.slices(after, 1) == 1);
  CHECK(after[0].data == before[0].data);
  CHECK(matches(0, before[0]));
}

TEST_CASE("slices() shows the front, at most as many as there is room for") {
  WriteQueue queue;
  for (uint64_t i = 0; i < 5; ++i)
    REQUIRE(append(queue, i * kWriteChunkBytes, kWriteChunkBytes));
  Slice slices[2];
  CHECK(queue.slices(slices, 2) == 2);
  CHECK(queue.slices(slices, 0) == 0);
}

TEST_CASE("a queue that was cleared is like a new one") {
  WriteQueue queue;
  REQUIRE(append(queue, 0, 50'000));
  queue.clear();
  CHECK(queue.bytes() == 0);
  REQUIRE(append(queue, 0, 7));
  CHECK(shown(queue, 0) == 7);
}

TEST_CASE("any mixture of appending and consuming keeps the order") {
  connscale::sim::Random random(3);
  WriteQueue queue;
  uint64_t appended = 0;
  uint64_t consumed = 0;
  for (int step = 0; step < 5'000; ++step) {
    const uint32_t length = random.chance(50) ? random.below(200) : random.below(3 * kWriteChunkBytes);
    REQUIRE(append(queue, appended, length));
    appended += length;
    const uint64_t seen = shown(queue, consumed);
    const uint32_t taken = random.below(static_cast<uint32_t>(std::min<uint64_t>(2 * seen, UINT32_MAX)));
    queue.consume(static_cast<uint32_t>(std::min<uint64_t>(taken, queue.bytes())));
    consumed += std::min<uint64_t>(taken, appended - consumed);
    REQUIRE(queue.bytes() == appended - consumed);
  }
}

TEST_CASE("a queue's number is used again, and never by two") {
  WriteQueues queues;
  const uint32_t first = queues.acquire();
  const uint32_t second = queues.acquire();
  CHECK(first != second);
  CHECK(queues.in_use() == 2);
  REQUIRE(append(queues.at(first), 0, 100));
  queues.release(first);
  CHECK(queues.in_use() == 1);
  CHECK(queues.acquire() == first);
  CHECK(queues.at(first).bytes() == 0);
}
