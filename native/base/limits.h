// Every bound of the library, in one place. What happens at a bound is said beside it.
#ifndef CONNSCALE_BASE_LIMITS_H_
#define CONNSCALE_BASE_LIMITS_H_

#include <cstddef>
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

/// Listeners of one loop. A closed one keeps its place while connections of it live, which name it. Beyond: listen
/// fails with EMFILE, and names no call since no kernel refused it.
inline constexpr uint32_t kListenersMax = 255;

/// Socket options of one connect. Beyond: the request makes no sense, since there are not so many.
inline constexpr uint32_t kConnectOptionsMax = 32;

/// Events that one wait reports. On Linux a kernel's event may be two of them, so that half as many are taken from the
/// kernel. The rest stays there for the next turn.
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

/// Turns in one callback of Node's loop. Under load the next events are there already, and going back for them through
/// Node's loop costs more than asking again. A full batch, or this much time, ends it sooner: timers and other sockets
/// must have their turn.
inline constexpr uint32_t kTurnsPerCallback = 16;
inline constexpr uint32_t kCallbackUs = 1'000;

/// Batches that an engine's thread may have filled before JavaScript has read them. Beyond: the thread carries out what
/// it is asked, and waits with its turns.
inline constexpr uint32_t kDeliveries = 3;
/// Of these handed over in one callback of Node's loop. Beyond: the callback asks for another.
inline constexpr uint32_t kDeliveriesPerCallback = 4;

/// Submissions on their way to an engine's thread, in bytes. Beyond: JavaScript waits until the thread has taken some.
/// No submission ring is larger, or its owner would wait for ever.
inline constexpr size_t kInboxMax = size_t{64} << 20;

/// Connections closed in one turn while a loop shuts down, so that closing 100,000 does not freeze its thread.
inline constexpr uint32_t kShutdownBatch = 1'024;

/// Connects that one run starts in one turn, those included that met a taken port. No more than a listener accepts in
/// one by default: a loop that does both must not fill its own queue.
inline constexpr uint32_t kConnectsPerTurn = 64;
/// Source addresses of one run: an IPv4 /8.
inline constexpr uint32_t kSourcesMax = 1U << 24;

/// Timers looked at in one turn, for the same reason. The rest is due in the turns that follow at once.
inline constexpr uint32_t kExpiryBatch = 1'024;

/// Turns in a row that leave events behind and do not look at the timers, so that nobody is called idle whose bytes
/// wait. One more such turn looks at them all the same: a loop that is never done must not forget its timeouts.
inline constexpr uint32_t kTurnsBehindMax = 256;

/// One tick of the coarse timers. Timeouts fire at most two ticks late, never early; later only in a loop that has more
/// to do than its turns take: see kTurnsBehindMax and kExpiryBatch.
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
