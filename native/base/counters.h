// What a loop counts. One list makes the structure here, the names in JavaScript and the layout between them.
#ifndef CONNSCALE_BASE_COUNTERS_H_
#define CONNSCALE_BASE_COUNTERS_H_

#include <cstdint>

namespace connscale {

// name, what it counts (the TSDoc of LoopStats says the same)
#define CONNSCALE_COUNTERS(XX)                                                    \
  XX(open, "connections open or connecting now")                                  \
  XX(accepted, "connections accepted")                                            \
  XX(connected, "outbound connections established")                               \
  XX(connectFailures, "outbound connections that failed")                         \
  XX(closed, "connections whose close was reported")                              \
  XX(timeouts, "connections closed by a connect or idle timeout")                 \
  XX(bytesReceived, "payload bytes received")                                     \
  XX(bytesSent, "payload bytes taken by the kernel")                              \
  XX(backlogged, "connections with bytes that the kernel has not taken yet, now") \
  XX(rejected, "connections reset because of an overload policy")                 \
  XX(acceptFailures, "accepts that the kernel refused")                           \
  XX(acceptPauses, "times that a listener stopped accepting")                     \
  XX(staleSubmissions, "requests for a connection that had just closed")          \
  XX(invalidSubmissions, "requests that no honest program writes")                \
  XX(turns, "turns of the loop")                                                  \
  XX(completions, "completions reported to JavaScript")

struct Counters {
#define XX(name, text) uint64_t name = 0;
  CONNSCALE_COUNTERS(XX)
#undef XX
};

#define XX(name, text) +1
inline constexpr uint32_t kCounterCount = 0 CONNSCALE_COUNTERS(XX);
#undef XX
static_assert(sizeof(Counters) == kCounterCount * sizeof(uint64_t));

/// As JavaScript reads them: doubles, exact up to 2^53.
inline void write_counters(const Counters& counters, double* into) noexcept {
#define XX(name, text) *into++ = static_cast<double>(counters.name);
  CONNSCALE_COUNTERS(XX)
#undef XX
}

}  // namespace connscale

#endif  // CONNSCALE_BASE_COUNTERS_H_
