// Every bound of the library, in one place. What happens at a bound is said beside it.
#ifndef CONNSCALE_BASE_LIMITS_H_
#define CONNSCALE_BASE_LIMITS_H_

#include <cstdint>

namespace connscale {

// The widths add up to 53: a ConnectionId is a safe integer in JavaScript.
inline constexpr uint32_t kSlotBits = 21;
inline constexpr uint32_t kGenerationBits = 24;
inline constexpr uint32_t kLoopBits = 8;
static_assert(kSlotBits + kGenerationBits + kLoopBits == 53);

/// Connections of one direction (accepted, or connected) that one loop may hold. Beyond: accepting pauses or resets as
/// the listener's overload policy says; connect() throws in JavaScript.
inline constexpr uint32_t kConnectionsMax = 1U << (kSlotBits - 1);

/// Listeners of one loop. Beyond: listen fails with EMFILE.
inline constexpr uint32_t kListenersMax = 255;

/// Kernel events taken in one wait. The rest stays in the kernel for the next turn.
inline constexpr uint32_t kEventsMax = 512;

/// Completions that one turn may report; also the smallest batch that a loop accepts.
inline constexpr uint32_t kBatchMin = 16;
inline constexpr uint32_t kBatchMax = 65'536;

/// One receive takes at most this much, so that one fast sender cannot fill the slab alone.
inline constexpr uint32_t kReceiveMax = 65'536;
/// With less room than this in the slab a connection waits for the next turn rather than read a crumb.
inline constexpr uint32_t kReceiveMin = 4'096;

/// Slices handed to the kernel in one gathering send; IOV_MAX is 1,024 on Linux.
inline constexpr uint32_t kSendSlicesMax = 64;

/// Queued bytes are stored in chunks of at least this size, allocated only while a peer does not read.
inline constexpr uint32_t kWriteChunkBytes = 16'384;

/// Connections closed in one turn while a loop shuts down, so that closing 100,000 does not freeze its thread.
inline constexpr uint32_t kShutdownBatch = 1'024;

/// One tick of the coarse timers. Timeouts fire at most two ticks late, never early.
inline constexpr uint32_t kTickMs = 100;
/// Longest idle or connect timeout in ticks (109 minutes): it is kept in 16 bits for each connection.
inline constexpr uint32_t kTimeoutTicksMax = 65'535;

/// While accepting is paused for want of descriptors or memory, it is tried again this often: descriptors may become
/// free in other parts of the process, which nobody reports.
inline constexpr uint32_t kAcceptRetryMs = 100;

/// A descriptor table is sized once to at most this many entries (8 bytes each) unless more connections were asked for.
inline constexpr uint32_t kDescriptorTablePresizeMax = 131'072;

/// Local addresses that a census tells apart. Sockets of more addresses are counted together.
inline constexpr uint32_t kCensusAddressesMax = 262'144;

/// Rows of one answer about sockets (48 bytes each). Beyond: the answer says that it is cut short.
inline constexpr uint32_t kSocketRowsMax = 4'194'304;
/// Rows that one step of a cursor may take.
inline constexpr uint32_t kSocketBatchMax = 65'536;

/// Source ranges and destinations of one query. Beyond: refused.
inline constexpr uint32_t kQueryRangesMax = 4'096;

}  // namespace connscale

#endif  // CONNSCALE_BASE_LIMITS_H_
