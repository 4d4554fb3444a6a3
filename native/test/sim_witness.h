// Everything that was asked of one loop and heard from it, held against what the engine promises.
#ifndef CONNSCALE_TEST_SIM_WITNESS_H_
#define CONNSCALE_TEST_SIM_WITNESS_H_

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "test/sim_known.h"
#include "test/sim_loop.h"

namespace connscale::test {

struct Listening {
  uint32_t index = 0;
  sim::Socket* socket = nullptr;
  Overload overload = Overload::kPause;
  uint32_t connections_max = 0;
  uint64_t idle_ms = 0;
  uint32_t open = 0;
  bool listening = true;
  uint32_t turned_away = 0;  // before the turn under way
  bool had_room = false;
};

class Witness {
 public:
  explicit Witness(SimLoop& loop) : loop_(loop), generations_(2 * slots_max()) {}

  /// The first broken promise, or nothing.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] bool ok() const { return failure_.empty(); }
  bool expect(bool kept, const char* promise, double id = 0);

  /// What is connecting, open or closing, by slot; and the listeners, by their handlers.
  [[nodiscard]] std::map<uint32_t, Known>& connections() { return known_; }
  [[nodiscard]] std::map<uint32_t, Listening>& listeners() { return listeners_; }
  /// Ids whose kClose has come.
  [[nodiscard]] const std::vector<double>& stale() const { return stale_; }
  [[nodiscard]] uint32_t next_generation(uint32_t slot) { return ++generations_[slot]; }
  [[nodiscard]] uint32_t next_stream() { return ++streams_; }
  [[nodiscard]] bool shutting_down() const { return shutting_down_; }
  [[nodiscard]] bool loop_closed() const { return loop_closed_; }

  void begin_submission();
  void end_submission();
  void asked_stale() { ++expected_.staleSubmissions; }
  void turn(int timeout_ms);
  /// Turns until nothing happens any more, in a world that has calmed down.
  void turn_until_rest();
  void began_shutdown();
  void check_end();

 private:
  [[nodiscard]] uint32_t slots_max() const { return loop_.config().engine.connections_max; }
  [[nodiscard]] uint32_t accepted() const;
  [[nodiscard]] size_t waiting_to_be_accepted() const;
  void take_acknowledgements();
  void hear(const Completion& completion);
  void hear_of(Known& known, Operation operation, const Completion& completion);
  void hear_open(const Completion& completion);
  bool accept(ConnectionId name, const Completion& completion);
  void hear_data(Known& known, const Completion& completion);
  void hear_close(Known& known, const Completion& completion);
  void check_each();
  void check_listener(const Listening& listener);
  [[nodiscard]] bool has_room(const Listening& listener) const {
    return listener.open < listener.connections_max && accepted() < slots_max();
  }
  [[nodiscard]] uint64_t accept_failures() { return loop_.engine().counters().acceptFailures; }
  void check_at_rest();
  void check_listeners_at_rest();

  SimLoop& loop_;
  std::string failure_;
  std::map<uint32_t, Known> known_;
  std::map<uint32_t, Listening> listeners_;
  std::vector<uint32_t> generations_;  // used last, by slot
  std::vector<double> stale_;
  uint32_t streams_ = 1'000;
  Counters expected_;
  uint64_t failures_before_ = 0;
  bool shutting_down_ = false;
  bool loop_closed_ = false;
};

inline bool Witness::expect(bool kept, const char* promise, double id) {
  if (!kept && failure_.empty()) {
    failure_ = promise;
    const uint32_t slot = static_cast<uint32_t>(static_cast<uint64_t>(id)) & kSlotMask;
    failure_ += " (turn " + std::to_string(expected_.turns) + ", slot " + std::to_string(slot) + ")";
  }
  return kept;
}

inline void Witness::begin_submission() {
  for (auto& [slot, known] : known_)
    known.begin_submission();
}

inline void Witness::end_submission() {
  take_acknowledgements();
  for (auto& [slot, known] : known_) {
    if (known.outbound && !known.open && known.socket == nullptr && loop_.engine().io(known.id) != nullptr) {
      known.socket = loop_.world().with_token(slot);
    }
    known.end_submission();
    const bool closed = known.socket != nullptr && known.socket->closed_ms != sim::kNever && !known.socket->owned;
    const bool due = closed || (known.in_engine() && known.drain_due);
    expect(!due || loop_.engine().next_turn_ms() == 0, "what JavaScript is to hear is heard at once", known.id);
  }
}

inline void Witness::take_acknowledgements() {
  for (const Acknowledgement& acknowledged : loop_.engine().acknowledgements()) {
    const auto found = known_.find(acknowledged.slot);
    if (!expect(found != known_.end(), "an acknowledgement is for somebody")) return;
    Known& known = found->second;
    known.acknowledged += acknowledged.bytes;
    expected_.bytesSent += acknowledged.bytes;
    expect(acknowledged.bytes > 0 && known.acknowledged <= known.written, "acknowledged is what was written", known.id);
  }
  loop_.engine().acknowledgements().clear();
}

inline void Witness::turn(int timeout_ms) {
  ++expected_.turns;
  for (auto& [slot, known] : known_) {
    known.deaf = known.paused || (known.in_engine() && known.queued() > loop_.config().engine.high_water_bytes);
  }
  for (auto& [handlers, listener] : listeners_) {
    listener.turned_away = listener.socket->turned_away;
    listener.had_room = has_room(listener);
  }
  failures_before_ = accept_failures();
  expect(loop_.turn(timeout_ms).ok(), "a turn succeeds");
  take_acknowledgements();
  for (auto& [slot, known] : known_)
    known.settle_drain();
  expected_.completions += loop_.heard().size();
  for (const Completion& completion : loop_.heard()) {
    hear(completion);
    if (!ok()) return;
  }
  check_each();
}

inline void Witness::hear(const Completion& completion) {
  const auto operation = static_cast<Operation>(completion.operation & 0xFF);
  expect(!loop_closed_, "kLoopClosed is the last completion");
  if (operation == Operation::kLoopClosed) {
    loop_closed_ = true;
    expect(shutting_down_ && known_.empty(), "kLoopClosed comes when everything is closed");
    return;
  }
  if (operation == Operation::kOpen) return hear_open(completion);
  const auto found = known_.find(completion.slot);
  if (!expect(found != known_.end() && found->second.id == completion.id, "no completion for a stale or unknown id",
              completion.id)) {
    return;
  }
  hear_of(found->second, operation, completion);
}

inline void Witness::hear_of(Known& known, Operation operation, const Completion& completion) {
  expect(completion.operation >> 8 == known.handlers, "a completion names its handlers", known.id);
  if (operation == Operation::kClose) return hear_close(known, completion);
  expect(known.open, "nothing but kClose before kOpen", known.id);
  if (operation == Operation::kData) return hear_data(known, completion);
  if (operation == Operation::kDrain) {
    expect(known.drain(completion.result == 1), "kDrain was promised, and nothing is queued", known.id);
    return;
  }
  expect(operation == Operation::kEnd && !known.peer_ended && !known.deaf, "kEnd comes once, and not to the deaf",
         known.id);
  expect(known.socket->ended && known.received == known.socket->sent, "kEnd comes after all that was sent", known.id);
  known.peer_ended = true;
}

inline void Witness::hear_open(const Completion& completion) {
  ConnectionId name;
  const bool decoded = ConnectionId::decode(completion.id, loop_.config().engine.loop, &name);
  const bool sound = decoded && name.slot == completion.slot && name.slot < 2 * slots_max();
  if (!expect(sound, "kOpen has an id", completion.id)) return;
  if (name.slot < slots_max() && !accept(name, completion)) return;
  if (name.slot >= slots_max()) ++expected_.connected;
  const auto found = known_.find(name.slot);
  const bool waited_for = found != known_.end() && found->second.id == completion.id && !found->second.open;
  if (!expect(waited_for, "kOpen comes once, and for a connect that is under way", completion.id)) return;
  Known& known = found->second;
  known.open = true;
  known.settle_drain();
  known.socket = loop_.world().with_token(name.slot);
  expect(known.socket != nullptr && known.socket->answer == sim::Answer::kAccepted, "kOpen has a connection", known.id);
}

inline bool Witness::accept(ConnectionId name, const Completion& completion) {
  const uint32_t handlers = completion.operation >> 8;
  const auto found = listeners_.find(handlers);
  if (!expect(found != listeners_.end(), "an accepted connection has its listener's handlers", completion.id))
    return false;
  Listening& listener = found->second;
  expect(!known_.contains(name.slot) && name.generation > generations_[name.slot], "a new id is new", completion.id);
  expect(++listener.open <= listener.connections_max, "maxConnections of the listener", completion.id);
  ++expected_.accepted;
  generations_[name.slot] = name.generation;
  Known known;
  known.id = completion.id;
  known.slot = name.slot;
  known.stream = next_stream();
  known.handlers = handlers;
  known.idle_ms = listener.idle_ms;
  return known_.emplace(name.slot, known).second;
}

inline void Witness::hear_data(Known& known, const Completion& completion) {
  const auto length = static_cast<uint32_t>(completion.result);
  expect(completion.result > 0 && completion.offset + length <= loop_.config().slab_bytes, "data lies in the slab",
         known.id);
  expect(!known.deaf, "no data while paused, or while the peer does not read", known.id);
  expect(!known.peer_ended, "no data after kEnd", known.id);
  if (!ok()) return;
  expect(sim::matches_stream(known.socket->number, known.received, loop_.slab() + completion.offset, length),
         "data is what the peer sent, in order", known.id);
  known.received += length;
  expected_.bytesReceived += length;
}

inline void Witness::hear_close(Known& known, const Completion& completion) {
  const auto call = static_cast<Call>(completion.offset);
  const char* const objection = known.objection(-completion.result, call, loop_.config().engine, shutting_down_);
  if (!expect(objection == nullptr, objection, known.id)) {
    failure_ += std::string(" ") + error_name(-completion.result) + " from " + call_name(call);
  }
  expect(known.delivered_in_order(), "the peer got what was written, in order", known.id);
  ++expected_.closed;
  if (call == Call::kIdle) ++expected_.timeouts;
  if (!known.outbound) --listeners_[known.handlers].open;
  stale_.push_back(known.id);
  known_.erase(known.slot);
}

inline void Witness::check_each() {
  for (auto& [slot, known] : known_) {
    expect(known.delivered_in_order(), "the peer got what was written, in order", known.id);
    expect(!known.overdue(loop_.world().now_ms()), "a timeout comes in time", known.id);
    if (!known.in_engine()) continue;
    expect(known.acknowledged == known.socket->delivered.size(), "what the kernel took is acknowledged", known.id);
    expect(known.queued() <= loop_.config().engine.write_queue_max_bytes, "a queue has its bound", known.id);
    expect(!known.open || !known.socket->saw_end || known.queued() == 0, "FIN comes after everything written",
           known.id);
    if (loop_.batch_full()) continue;
    expect(!known.drain_due, "a promised kDrain comes", known.id);
    known.drain_possible = false;
  }
  expect(accepted() <= slots_max(), "maxConnections of the loop");
  for (const auto& [handlers, listener] : listeners_) {
    if (listener.listening) check_listener(listener);
  }
}

inline void Witness::check_listener(const Listening& listener) {
  ListenerReport report;
  const bool reported = loop_.engine().report_listener(listener.index, &report);
  expect(reported && report.open == listener.open && report.queue.depth == listener.socket->queue.size(),
         "a listener's report is true");
  expect(listener.overload == Overload::kReset || listener.socket->turned_away == 0,
         "a listener that pauses resets nobody");
  const bool shed = accept_failures() != failures_before_;  // for want of descriptors, not of places
  expect(!listener.had_room || shed || listener.socket->turned_away == listener.turned_away,
         "nobody is reset while there is a place");
  const bool may_sleep = listener.socket->accept_limit > 0 || !has_room(listener);
  expect(may_sleep || static_cast<uint32_t>(loop_.engine().next_turn_ms()) <= kAcceptRetryMs,
         "a listener with room is not forgotten");
}

inline uint32_t Witness::accepted() const {
  return static_cast<uint32_t>(
      std::count_if(known_.begin(), known_.end(), [](const auto& known) { return !known.second.outbound; }));
}

inline size_t Witness::waiting_to_be_accepted() const {
  size_t waiting = 0;
  for (const auto& [handlers, listener] : listeners_)
    waiting += listener.socket->queue.size();
  return waiting;
}

inline void Witness::turn_until_rest() {
  constexpr uint64_t kQuietMs = 3 * uint64_t{kAcceptRetryMs};  // nobody rests longer of his own accord
  uint64_t heard_ms = loop_.world().now_ms();
  const auto quiet = [&] { return loop_.world().now_ms() - heard_ms >= kQuietMs; };
  for (uint32_t i = 0; i < 2'000 && !quiet() && ok(); ++i) {
    const uint64_t sent = expected_.bytesSent;
    const size_t waiting = waiting_to_be_accepted();
    turn(static_cast<int>(kAcceptRetryMs));
    const bool silent = loop_.heard().empty() && expected_.bytesSent == sent && waiting_to_be_accepted() == waiting;
    if (!silent) heard_ms = loop_.world().now_ms();
  }
  expect(quiet(), "in a calm world the loop comes to rest");
  check_at_rest();
  check_listeners_at_rest();
}

inline void Witness::check_at_rest() {
  for (auto& [slot, known] : known_) {
    expect(known.in_engine() && known.open, "at rest a connection is open", known.id);
    if (!ok()) return;
    const sim::Socket& socket = *known.socket;
    // After FIN nothing is received, and a kernel that warns nobody may keep a reset to itself.
    expect(!socket.reset || known.peer_ended, "at rest a reset was noticed", known.id);
    expect(known.queued() == 0, "at rest everything was sent", known.id);
    expect(known.received == socket.sent && known.peer_ended == socket.ended, "at rest everything was received",
           known.id);
    expect(known.end_wanted == socket.saw_end, "at rest an end was carried out", known.id);
    expect(!known.end_wanted || !known.peer_ended, "at rest what both sides ended is closed", known.id);
  }
}

inline void Witness::check_listeners_at_rest() {
  for (const auto& [handlers, listener] : listeners_) {
    if (!listener.listening) continue;
    const bool full = listener.open >= listener.connections_max || accepted() >= slots_max();
    expect(full || listener.socket->queue.empty(), "at rest a listener with room has accepted everybody");
    expect(listener.overload == Overload::kPause || listener.socket->queue.empty(), "at rest an overload was reset");
  }
}

inline void Witness::began_shutdown() {
  shutting_down_ = true;
  for (auto& [handlers, listener] : listeners_) {
    listener.listening = false;
    expect(!listener.socket->owned, "shutting down closes the listeners");
  }
}

inline void Witness::check_end() {
  const Counters& counted = loop_.engine().counters();
  expect(loop_.engine().shut_down() && known_.empty(), "everything is closed in the end");
  expect(loop_.engine().queues_in_use() == 0 && counted.backlogged == 0, "no write queue is left");
  expect(counted.open == 0 && counted.closed == expected_.closed, "counter: open, closed");
  expect(counted.accepted == expected_.accepted && counted.connected == expected_.connected,
         "counter: accepted, connected");
  expect(counted.bytesReceived == expected_.bytesReceived, "counter: bytesReceived");
  expect(counted.bytesSent == expected_.bytesSent, "counter: bytesSent");
  expect(counted.completions == expected_.completions && counted.turns == expected_.turns,
         "counter: completions, turns");
  expect(counted.staleSubmissions >= expected_.staleSubmissions, "counter: staleSubmissions");
  expect(counted.timeouts >= expected_.timeouts, "counter: timeouts");
  for (uint32_t number = 0; number < loop_.world().sockets(); ++number) {
    const sim::Socket& socket = loop_.world().socket(number);
    const bool unseen = !socket.listening && socket.gone && socket.active_ms == sim::kNever;
    const bool inbound = socket.started_ms == sim::kNever;
    expect(!unseen || !inbound || socket.saw_reset || !socket.failures.empty(),
           "whoever is accepted is opened or reset");
  }
}

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_SIM_WITNESS_H_
