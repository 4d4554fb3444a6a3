#include "base/connection_id.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using connscale::ConnectionId;
using connscale::kGenerationMask;
using connscale::kSlotMask;

namespace {

bool decodes(double value, uint32_t loop = 7) {
  ConnectionId id;
  return ConnectionId::decode(value, loop, &id);
}

}  // namespace

TEST_CASE("an id is what was put into it") {
  const uint32_t slots[] = {0, 1, 12'345, kSlotMask};
  const uint32_t generations[] = {0, 1, 54'321, kGenerationMask};
  const uint32_t loops[] = {0, 1, 255};
  for (const uint32_t loop : loops) {
    for (const uint32_t slot : slots) {
      for (const uint32_t generation : generations) {
        const double encoded = ConnectionId{slot, generation}.encode(loop);
        ConnectionId id;
        REQUIRE(ConnectionId::decode(encoded, loop, &id));
        CHECK(id.slot == slot);
        CHECK(id.generation == generation);
      }
    }
  }
}

TEST_CASE("the largest id is the largest safe integer of JavaScript") {
  CHECK(ConnectionId{kSlotMask, kGenerationMask}.encode(255) == std::ldexp(1.0, 53) - 1);
}

TEST_CASE("JavaScript finds the slot in the lowest bits") {
  const double encoded = ConnectionId{99, 3}.encode(2);
  CHECK((static_cast<uint64_t>(encoded) & kSlotMask) == 99);
}

TEST_CASE("another loop's id is not ours") {
  CHECK_FALSE(decodes(ConnectionId{1, 1}.encode(8)));
  CHECK(decodes(ConnectionId{1, 1}.encode(7)));
}

TEST_CASE("garbage is no id") {
  const double ours = ConnectionId{1, 1}.encode(7);
  const double garbage[] = {-1.0,
                            -ours,
                            ours + 0.5,
                            std::ldexp(1.0, 53),
                            std::numeric_limits<double>::max(),
                            std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN(),
                            std::numeric_limits<double>::denorm_min()};
  for (const double value : garbage) {
    CAPTURE(value);
    CHECK_FALSE(decodes(value));
    CHECK_FALSE(decodes(value, 0));
  }
  CHECK(decodes(-0.0, 0));  // which JavaScript cannot tell from 0
}
