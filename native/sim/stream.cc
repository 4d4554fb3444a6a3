#include "sim/stream.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "sim/random.h"

namespace connscale::sim {

namespace {

constexpr uint32_t kTableBytes = 1U << 16;

std::array<uint8_t, kTableBytes> make_table() noexcept {
  std::array<uint8_t, kTableBytes> table{};
  Random random(1);
  for (uint8_t& byte : table)
    byte = static_cast<uint8_t>(random.next());
  return table;
}

/// Calls part(table bytes, done, length) for each run of a stream that does not wrap round the table.
template <typename Part>
void for_each_run(uint32_t stream, uint64_t position, uint32_t length, Part&& part) noexcept {
  static const std::array<uint8_t, kTableBytes> kTable = make_table();
  uint32_t at = static_cast<uint32_t>(position + uint64_t{stream} * 40'503) % kTableBytes;
  for (uint32_t done = 0; done < length;) {
    const uint32_t run = std::min(length - done, kTableBytes - at);
    part(kTable.data() + at, done, run);
    done += run;
    at = 0;
  }
}

}  // namespace

void fill_stream(uint32_t stream, uint64_t position, uint8_t* into, uint32_t length) noexcept {
  for_each_run(stream, position, length,
               [into](const uint8_t* from, uint32_t done, uint32_t run) { std::memcpy(into + done, from, run); });
}

bool matches_stream(uint32_t stream, uint64_t position, const uint8_t* bytes, uint32_t length) noexcept {
  bool same = true;
  for_each_run(stream, position, length, [bytes, &same](const uint8_t* from, uint32_t done, uint32_t run) {
    same = same && std::memcmp(bytes + done, from, run) == 0;
  });
  return same;
}

}  // namespace connscale::sim
