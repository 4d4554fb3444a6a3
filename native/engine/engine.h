// The portable behaviour of a loop: what an operation's end means for a connection, and what JavaScript hears of it.
//
// One thread runs it; which one, and when, is the driver's business.
#ifndef CONNSCALE_ENGINE_ENGINE_H_
#define CONNSCALE_ENGINE_ENGINE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/completion.h"
#include "base/counters.h"
#include "base/receive_slab.h"
#include "base/result.h"
#include "base/submission.h"
#include "engine/accept_policy.h"
#include "engine/connection_table.h"
#include "engine/send_batch.h"
#include "engine/timer_wheel.h"
#include "engine/write_queue.h"
#include "platform.h"

namespace connscale {

struct EngineConfig {
  uint32_t loop = 0;             // in every id
  uint32_t connections_max = 0;  // of each direction
  uint32_t high_water_bytes = 0;
  uint64_t write_queue_max_bytes = 0;
};

/// Where a turn writes what it reports. The memory is the driver's.
struct Batch {
  Completion* completions = nullptr;
  uint32_t capacity = 0;  // at least kBatchMin
  uint32_t count = 0;
  ReceiveSlab slab;

  [[nodiscard]] uint32_t room() const noexcept { return capacity - count; }
};

/// Bytes of one connection that are no longer queued.
struct Acknowledgement {
  uint32_t slot;
  uint32_t bytes;
};

struct ListenerConfig {
  ListenSpec spec;
  AcceptPolicy::Config accept;
  uint32_t handlers = 0;
  uint16_t idle_ticks = 0;
};

struct ListenerReport {
  uint64_t accepted = 0;
  uint64_t rejected = 0;
  uint64_t failures = 0;
  uint64_t pauses = 0;
  uint32_t open = 0;
  int32_t last_failure = 0;
  QueueDepth queue;
};

class Engine {
 public:
  explicit Engine(const EngineConfig& config);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Result<void> open(const platform::Wakeup* wakeup) noexcept { return poller_.open(wakeup); }
  [[nodiscard]] int descriptor() const noexcept { return poller_.descriptor(); }

  /// One turn: waits (-1: until something happens), and writes what finished into an empty batch. An error means that
  /// the poller is broken and the loop with it.
  Result<void> turn(int timeout_ms, Batch& batch) noexcept;
  /// Carries out submissions, in order. False: from some record on they made no sense; those were not carried out.
  bool submit(const uint8_t* records, size_t length) noexcept;
  /// Milliseconds until a turn is due without any kernel event; 0: work is left; -1: never.
  [[nodiscard]] int32_t next_turn_ms() const noexcept;
  /// What was sent since the last call. The caller empties it.
  [[nodiscard]] std::vector<Acknowledgement>& acknowledgements() noexcept { return acknowledgements_; }

  /// Listens; `index` names the listener from then on.
  Result<SocketAddress> listen(const ListenerConfig& config, uint32_t* index);
  /// False: no such listener.
  bool close_listener(uint32_t index) noexcept;
  bool report_listener(uint32_t index, ListenerReport* report) noexcept;

  /// The connection of an id for questions to the kernel; null when it is closed or was never ours.
  [[nodiscard]] platform::Connection* io(double id) noexcept;

  /// Closes everything: what has bytes queued gets until `timeout_ms` to send them. kLoopClosed comes last.
  void begin_shutdown(uint32_t timeout_ms) noexcept;
  [[nodiscard]] bool shut_down() const noexcept { return loop_closed_reported_; }

  [[nodiscard]] const Counters& counters() noexcept;
  /// For tests: nothing may be left at the end.
  [[nodiscard]] uint32_t queues_in_use() const noexcept { return queues_.in_use(); }

 private:
  struct ListenerSlot;

  // engine.cc: events, timers, the end of connections
  void on_event(const Event& event, Batch& batch) noexcept;
  void on_accepted(const Event& event, Batch& batch) noexcept;
  void on_accept_failed(const Event& event) noexcept;
  void on_connected(uint32_t slot, const Event& event, Batch& batch) noexcept;
  void on_received(uint32_t slot, const Event& event, Batch& batch) noexcept;
  void on_sent(uint32_t slot, const Event& event, Batch& batch) noexcept;
  void on_deadline(uint32_t slot) noexcept;
  void start_open(uint32_t slot, Batch& batch) noexcept;
  void refresh_accept_limits() noexcept;
  void push(Batch& batch, uint32_t slot, Operation operation, int32_t result, uint32_t offset) noexcept;
  void receive_if_wanted(Connection& connection) noexcept;
  void finish(uint32_t slot, int32_t error, Call call, CloseMode mode) noexcept;
  void enlist_closed(uint32_t slot) noexcept;
  void report_closed(Batch& batch) noexcept;
  void report_drained(Batch& batch) noexcept;
  void continue_shutdown(Batch& batch) noexcept;
  void arm_deadline(uint32_t slot, uint32_t ticks) noexcept;
  void touch(uint32_t slot, Connection& connection) noexcept;
  [[nodiscard]] uint32_t tick() const noexcept { return static_cast<uint32_t>(now_ms_ / kTickMs); }

  // engine_submit.cc: requests, sending
  bool carry_out(const SubmissionHead& head, const uint8_t* payload) noexcept;
  void start_write(uint32_t slot, Slice bytes, bool notify) noexcept;
  bool start_connect(ConnectionId id, const uint8_t* payload, uint32_t length) noexcept;
  void send_gathered() noexcept;
  void send_entry(uint32_t index) noexcept;
  void enqueue(uint32_t slot, const Slice* slices, uint32_t count, uint32_t skip) noexcept;
  void send_queue(uint32_t slot) noexcept;
  void settle_queue(uint32_t slot) noexcept;
  void send_end(uint32_t slot) noexcept;
  void acknowledge(uint32_t slot, uint32_t bytes);

  EngineConfig config_;
  ConnectionTable table_;
  TimerWheel wheel_;
  WriteQueues queues_;
  SendBatch gathered_;
  Counters counters_;
  std::vector<Acknowledgement> acknowledgements_;
  std::vector<ConnectionId> drained_;  // whose kDrain is due
  std::vector<std::unique_ptr<ListenerSlot>> listeners_;
  uint32_t closed_head_ = kNoSlot;
  uint32_t closed_tail_ = kNoSlot;
  uint64_t now_ms_;
  uint64_t shutdown_deadline_ms_ = 0;
  uint32_t shutdown_cursor_ = 0;
  uint64_t pauses_before_ = 0;    // of listeners whose places were taken by others
  uint32_t promised_ = 0;         // places that listeners may fill which must not reset
  bool accept_by_turns_ = false;  // fewer connections fit than there are listeners
  bool shutting_down_ = false;
  bool shutdown_forced_ = false;
  bool loop_closed_reported_ = false;
  std::array<Event, kEventsMax> events_;
  platform::Poller poller_;
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_ENGINE_H_
