// One finished operation as JavaScript reads it: three 64-bit words of a batch. A plain value that owns nothing.
#ifndef CONNSCALE_BASE_COMPLETION_H_
#define CONNSCALE_BASE_COMPLETION_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace connscale {

// lib/loop/layout.ts has the same numbers; test/contract/layout.test.ts compares them.
enum class Operation : uint32_t {
  kOpen = 1,   // accepted or connected
  kData = 2,   // result bytes at offset in the receive slab
  kDrain = 3,  // everything queued was taken by the kernel. result: 1 when this answers an empty kWrite
  kEnd = 4,    // the peer sent FIN
  kClose = 5,  // last completion of an id. result: 0 or the negated error, offset: the Call
  kLoopClosed = 6,
  // Of a run of connects, not of a connection.
  kAttemptFailed = 7,  // result: the negated error, 0: the loop holds its maximum. offset: 1 when it is tried again
  kRunProgress = 8,    // id: ports skipped, result: connects under way, offset: connects that wait to be tried again
  kRunDone = 9,        // its last completion. id: ports skipped, result: microseconds of the slowest connect
};

/// The handler sets that a completion has room for.
inline constexpr uint32_t kHandlersMask = 0xFFFFFF;

struct Completion {
  double id;           // ConnectionId::encode
  uint32_t slot;       // the same slot, spared a division
  uint32_t operation;  // Operation in the low 8 bits, the handler set above
  int32_t result;
  uint32_t offset;
};
static_assert(std::is_trivially_copyable_v<Completion>);
static_assert(sizeof(Completion) == 24, "lib/loop/layout.ts reads 3 doubles or 6 words");
static_assert(offsetof(Completion, slot) == 8 && offsetof(Completion, result) == 16);

}  // namespace connscale

#endif  // CONNSCALE_BASE_COMPLETION_H_
