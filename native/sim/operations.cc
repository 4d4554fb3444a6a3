#include "sim/operations.h"

#include <algorithm>

#include "base/limits.h"
#include "sim/world.h"

namespace connscale::platform {

namespace {

using sim::Chance;
using sim::World;

constexpr int32_t kSendFailures[] = {error::kEPIPE, error::kECONNRESET, error::kENOBUFS, error::kETIMEDOUT};

// FNV-1a. Reading the bytes is half its purpose: the address sanitizer sees a slice that was freed too early.
uint64_t checksum_of(const std::vector<Slice>& slices) noexcept {
  uint64_t sum = 0xCBF29CE484222325ULL;
  for (const Slice& slice : slices) {
    for (uint32_t i = 0; i < slice.length; ++i)
      sum = (sum ^ slice.data[i]) * 0x100000001B3ULL;
  }
  return sum;
}

}  // namespace

uint64_t total_bytes(const Slice* slices, uint32_t count) noexcept {
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; ++i)
    total += slices[i].length;
  return total;
}

int32_t Operations::send_failure() const noexcept {
  World& world = World::current();
  if (socket.reset) return error::kECONNRESET;
  return world.happens(Chance::kFailedSend) ? world.random().pick(kSendFailures) : 0;
}

uint32_t Operations::send_now(const Slice* from, uint32_t count) {
  World& world = World::current();
  const uint64_t total = total_bytes(from, count);
  auto limit = static_cast<uint32_t>(std::min<uint64_t>(socket.space, total));
  if (limit > 0 && world.happens(Chance::kShortSend)) limit = world.random().below(limit);
  uint32_t moved = 0;
  for (uint32_t i = 0; i < count && moved < limit; ++i) {
    const uint32_t taken = std::min(from[i].length, limit - moved);
    socket.delivered.insert(socket.delivered.end(), from[i].data, from[i].data + taken);
    moved += taken;
  }
  socket.space -= moved;
  if (moved < total) ++socket.shortfalls;
  return moved;
}

void Operations::hold(const Slice* from, uint32_t count, uint32_t skip) {
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t skipped = std::min(skip, from[i].length);
    skip -= skipped;
    if (skipped < from[i].length) slices.push_back({from[i].data + skipped, from[i].length - skipped});
  }
  sending = true;
  checksum = checksum_of(slices);
}

void Operations::let_go_of_slices() noexcept {
  sending = false;
  slices.clear();
  checksum = checksum_of(slices);
}

void Operations::check_in_place() const noexcept {
  const bool in_place = connection->operations == this && connection->registration == registration &&
                        connection->token == token && connection->socket.valid() &&
                        connection->socket.get() == socket.number;
  World::require(in_place, "a connection stays until kClosed");
  World::require(checksum_of(slices) == checksum, "the slices of a pending send stay");
}

void Operations::check_usable() const noexcept {
  World::require(!connecting, "nothing but a close before kConnected");
  World::require(!closing, "nothing after a close");
  World::require(!failed, "nothing but a close after an error");
}

void Operations::check_may_send(const Slice* from, uint32_t count) const noexcept {
  check_usable();
  World::require(!sending, "no send while one is pending");
  World::require(!ended, "no send after end");
  World::require(count > 0 && count <= kSendSlicesMax && total_bytes(from, count) > 0, "1 to kSendSlicesMax slices");
}

}  // namespace connscale::platform
