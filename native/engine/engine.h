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
#include "engine/connect_run.h"
#include "engine/connection_table.h"
#include "engine/listeners.h"
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

  /// Listens; `index` names the listener from then on. Without a call: ECANCELED while the loop closes, EMFILE beyond
  /// kListenersMax.
  Result<SocketAddress> listen(const ListenerConfig& config, uint32_t* index);
  /// False: no such listener.
  bool close_listener(uint32_t index) noexcept { return listeners_.close(index); }
  bool report_listener(uint32_t index, ListenerReport* report) const noexcept {
    return listeners_.report(index, report);
  }

  /// Starts a run of connects; `number` names it, and no other run. Errors: ECANCELED when shutting down.
  Result<void> start_run(ConnectPlan plan, uint32_t* number);
  /// Starts nothing any more of a run, and gives up what is under way. False: it has ended.
  bool stop_run(uint32_t number) noexcept;

  /// The connection of an id for questions to the kernel; null when it is closed or was never ours.
  [[nodiscard]] platform::Connection* io(double id) noexcept;

  /// Closes everything: what has bytes queued gets until `timeout_ms` to send them. kLoopClosed comes last.
  void begin_shutdown(uint32_t timeout_ms) noexcept;
  [[nodiscard]] bool shut_down() const noexcept { return loop_closed_reported_; }

  [[nodiscard]] const Counters& counters() noexcept;
  /// For tests: whether the last turn left events behind, so that timers waited for them.
  [[nodiscard]] bool behind() const noexcept { return turns_behind_ > 0; }
  /// For tests: nothing may be left at the end.
  [[nodiscard]] uint32_t queues_in_use() const noexcept { return queues_.in_use(); }
  /// Runs, and connections that belong to one.
  [[nodiscard]] uint32_t runs_in_use() const noexcept;

 private:
  /// A connect that was asked for and got no memory.
  struct Unclaimed {
    ConnectionId id;
    uint32_t handlers;
  };

  // engine.cc: events, timers, the end of connections
  Result<void> take_events(int timeout_ms, Batch& batch) noexcept;
  void turn_wheel() noexcept;
  void on_event(const Event& event, Batch& batch) noexcept;
  void on_accepted(const Event& event, Batch& batch) noexcept;
  void on_connected(uint32_t slot, const Event& event, Batch& batch) noexcept;
  void on_received(uint32_t slot, const Event& event, Batch& batch) noexcept;
  void on_sent(uint32_t slot, const Event& event) noexcept;
  void on_deadline(uint32_t slot) noexcept;
  void start_open(uint32_t slot, Batch& batch) noexcept;
  void push(Batch& batch, uint32_t slot, Operation operation, int32_t result, uint32_t offset) noexcept;
  void push(Batch& batch, ConnectionId id, uint32_t handlers, Operation operation, int32_t result,
            uint32_t offset) const noexcept;
  void receive_if_wanted(Connection& connection) noexcept;
  void finish(uint32_t slot, int32_t error, Call call, CloseMode mode) noexcept;
  void enlist_closed(uint32_t slot) noexcept;
  void report_closed(Batch& batch) noexcept;
  void report_unclaimed(Batch& batch) noexcept;
  void report_drained(Batch& batch) noexcept;
  void continue_shutdown(Batch& batch) noexcept;
  void arm_deadline(uint32_t slot, uint32_t ticks) noexcept;
  void touch(uint32_t slot, Connection& connection) noexcept;
  [[nodiscard]] uint32_t tick() const noexcept { return static_cast<uint32_t>(now_ms_ / kTickMs); }

  // engine_runs.cc: runs of connects
  void advance_runs(Batch& batch) noexcept;
  void start_attempts(uint32_t index, Batch& batch) noexcept;
  void start_attempt(uint32_t index, uint32_t slot, uint32_t* budget) noexcept;
  void put_back(ConnectRun& run, uint32_t slot) noexcept;
  void refuse_attempt(ConnectRun& run, Batch& batch) noexcept;
  void report_run(uint32_t index, Batch& batch) noexcept;
  void push_run(Batch& batch, uint32_t index, Operation operation, uint32_t result) noexcept;
  void on_attempt_opened(uint32_t slot) noexcept;
  bool end_attempt(uint32_t slot, Batch& batch) noexcept;
  void forget_run_if_over(uint32_t index) noexcept;
  [[nodiscard]] uint64_t next_run_ms() const noexcept;

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
  std::vector<Unclaimed> unclaimed_;
  Listeners listeners_;
  std::vector<std::unique_ptr<ConnectRun>> runs_;  // until their last connection has closed
  std::vector<uint32_t> active_runs_;              // whose kRunDone is to come
  uint32_t run_numbers_ = 0;                       // given so far
  std::vector<Attempt> attempts_;                  // by slot, as far as runs have used them
  uint32_t closed_head_ = kNoSlot;
  uint32_t closed_tail_ = kNoSlot;
  uint64_t now_ms_;
  uint64_t shutdown_deadline_ms_ = 0;
  uint32_t shutdown_cursor_ = 0;
  uint32_t turns_behind_ = 0;  // in a row: they left events behind, and the timers alone
  bool events_left_ = false;   // by the last wait
  bool shutting_down_ = false;
  bool shutdown_forced_ = false;
  bool loop_closed_reported_ = false;
  std::array<Event, kEventsMax> events_;
  platform::Poller poller_;
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_ENGINE_H_
