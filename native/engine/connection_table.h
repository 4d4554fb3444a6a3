// Every connection of a loop by slot. Storage never moves, and an idle connection is one cache line of it.
#ifndef CONNSCALE_ENGINE_CONNECTION_TABLE_H_
#define CONNSCALE_ENGINE_CONNECTION_TABLE_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/connection_id.h"
#include "base/error_names.h"
#include "platform.h"

namespace connscale {

enum class ConnectionState : uint8_t {
  kFree,
  kConnecting,
  kOpen,
  kClosing,  // the platform has not let go of it yet
  kClosed,   // JavaScript is still to be told
};

inline constexpr uint32_t kNoSlot = UINT32_MAX;

struct alignas(64) Connection {
  platform::Connection io;
  uint32_t generation = 0;
  uint32_t previous = kNoSlot;  // neighbours in a bucket of the timer wheel, or in the list of the closed
  uint32_t next = kNoSlot;
  uint32_t deadline = 0;  // tick
  uint32_t send_ref = 0;  // 0, or 1 + an index: into the turn's SendBatch (in_send_batch) or the write queues
  uint32_t handlers = 0;  // which handlers in JavaScript
  uint16_t idle_ticks = 0;
  uint8_t close_error = 0;  // portable error numbers end at 133
  ConnectionState state = ConnectionState::kFree;
  Call close_call = Call::kNone;
  uint8_t listener = 0;        // 1 + index of the listener that accepted it
  bool paused : 1 = false;     // JavaScript wants no data
  bool throttled : 1 = false;  // its peer does not read what we send, so we do not read what it sends
  bool peer_ended : 1 = false;
  bool end_wanted : 1 = false;  // FIN once the queue is empty
  bool end_sent : 1 = false;
  bool notify_drain : 1 = false;
  bool in_send_batch : 1 = false;
  bool has_deadline : 1 = false;  // linked into the timer wheel
  bool drain_asked : 1 = false;   // JavaScript asked whether all is gone, and waits for the answer
  bool attempt : 1 = false;       // of a run, and not open yet: JavaScript does not know it
  bool drain_due : 1 = false;     // in the list of those whose kDrain is to be reported
};
static_assert(sizeof(Connection) == 64, "the promise of design and README: at most 64 bytes for an idle connection");

class ConnectionTable {
 public:
  /// Slots 0 to max - 1 are handed out here to accepted connections; max to 2 * max - 1 are JavaScript's to choose for
  /// connects, so that connect() has an id at once on whatever thread the loop runs.
  explicit ConnectionTable(uint32_t max);

  /// A free slot for an accepted connection, its generation advanced; kNoSlot at the maximum or without memory.
  uint32_t acquire() noexcept;
  /// Whether JavaScript may choose this slot: it is one for connects, and free.
  [[nodiscard]] bool may_claim(ConnectionId id) const noexcept;
  /// The slot of an id that may be claimed. Null: no memory.
  Connection* claim(ConnectionId id) noexcept;
  /// Frees a slot at the next recycle(): events of the same turn may still name it.
  void release(uint32_t slot) noexcept;
  void recycle() noexcept;

  [[nodiscard]] Connection& at(uint32_t slot) noexcept { return chunks_[slot / kChunk]->connections[slot % kChunk]; }
  [[nodiscard]] const Connection& at(uint32_t slot) const noexcept {
    return chunks_[slot / kChunk]->connections[slot % kChunk];
  }
  /// The connection that this id names, if it is connecting or open.
  [[nodiscard]] Connection* find(ConnectionId id) noexcept;

  [[nodiscard]] uint32_t slots() const noexcept { return 2 * max_; }
  /// Whether the slot has storage: it was used, or a neighbour was.
  [[nodiscard]] bool exists(uint32_t slot) const noexcept {
    return slot < slots() && chunks_[slot / kChunk] != nullptr;
  }
  /// The first slot of the next piece of storage.
  [[nodiscard]] static uint32_t next_chunk(uint32_t slot) noexcept { return (slot / kChunk + 1) * kChunk; }
  [[nodiscard]] uint32_t in_use() const noexcept { return in_use_; }
  /// Accepted connections that still fit from the next recycle() on.
  [[nodiscard]] uint32_t room() const noexcept { return max_ - accepted_; }
  /// Accepted connections that fit before it.
  [[nodiscard]] uint32_t room_now() const noexcept { return room() - static_cast<uint32_t>(released_.size()); }

 private:
  static constexpr uint32_t kChunk = 1024;
  struct Chunk {
    Connection connections[kChunk];
  };

  bool ensure(uint32_t slot) noexcept;

  uint32_t max_;
  uint32_t fresh_ = 0;     // the first accepted slot never used
  uint32_t accepted_ = 0;  // of them in use
  uint32_t in_use_ = 0;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> released_;
  std::deque<uint32_t> resting_;  // used up all their generations; taken again only when nothing else is free
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_CONNECTION_TABLE_H_
