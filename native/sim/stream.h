// Bytes that say where they belong: each stream has its own sequence, so a lost, repeated, swapped or foreign byte
// shows.
#ifndef CONNSCALE_SIM_STREAM_H_
#define CONNSCALE_SIM_STREAM_H_

#include <cstdint>

namespace connscale::sim {

void fill_stream(uint32_t stream, uint64_t position, uint8_t* into, uint32_t length) noexcept;
bool matches_stream(uint32_t stream, uint64_t position, const uint8_t* bytes, uint32_t length) noexcept;

}  // namespace connscale::sim

#endif  // CONNSCALE_SIM_STREAM_H_
