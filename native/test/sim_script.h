// JavaScript, played by dice: writes random submissions, and holds what comes back against what it was promised.
#ifndef CONNSCALE_TEST_SIM_SCRIPT_H_
#define CONNSCALE_TEST_SIM_SCRIPT_H_

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "test/sim_known.h"
#include "test/sim_loop.h"

namespace connscale::test {

class Script {
 public:
  explicit Script(SimLoop& loop) : loop_(loop), random_(loop.config().seed * 31 + 7) {
    for (uint32_t& weight : habits_) weight = random_.chance(30) ? 0 : random_.between(1, 10);
    habits_[kWrite] += 1;
    used_generation_.resize(2 * slots_max());
    for (uint32_t slot = slots_max(); slot < 2 * slots_max(); ++slot) connect_slots_.push_back(slot);
  }

  /// The first broken promise, or nothing.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] bool ok() const { return failure_.empty(); }
  [[nodiscard]] bool closed() const { return loop_closed_; }
  [[nodiscard]] const std::map<uint32_t, Known>& connections() const { return known_; }

  void listen();
  void close_a_listener();
  void ask();
  void turn(int timeout_ms);
  /// Nothing goes wrong any more and nobody is paused: everything must come to rest as it should.
  void settle();
  void shut_down(uint32_t timeout_ms);
  void check_end();

 private:
  enum Habit : uint32_t { kWrite, kBurst, kEnd, kDestroy, kReset, kPause, kResume, kConnect, kStale, kEmpty, kHabits };

  struct Listening {
    uint32_t index = 0;
    sim::Socket* socket = nullptr;
    Overload overload = Overload::kPause;
    uint32_t connections_max = 0;
    uint64_t idle_ms = 0;
    uint32_t open = 0;
    bool listening = true;
  };

  [[nodiscard]] uint32_t slots_max() const { return loop_.config().engine.connections_max; }
  bool expect(bool kept, const char* promise, double id = 0);
  Known* any();
  uint32_t pick_habit();
  void follow(Habit habit);
  void write(Known& known, uint32_t length, bool notify);
  void request(Request request, Known& known);
  void connect();
  void ask_stale();
  void submit();
  void take_acknowledgements();
  void hear(const Completion& completion);
  void hear_open(const Completion& completion);
  void hear_data(Known& known, const Completion& completion);
  void hear_close(Known& known, const Completion& completion);
  void check_each();
  [[nodiscard]] size_t waiting_to_be_accepted() const;
  void check_at_rest();
  void check_listeners_at_rest();

  SimLoop& loop_;
  sim::Random random_;
  std::array<uint32_t, kHabits> habits_{};
  Submissions submissions_;
  std::string failure_;

  std::map<uint32_t, Known> known_;                // by slot
  std::map<uint32_t, Listening> listeners_;        // by handlers
  std::vector<uint32_t> connect_slots_;            // free ones
  std::vector<uint32_t> used_generation_;          // by slot
  std::vector<double> stale_;
  uint32_t streams_ = 1'000;
  uint32_t handler_sets_ = 0;
  uint64_t turns_ = 0;
  uint64_t stale_expected_ = 0;
  Counters expected_;
  bool shutting_down_ = false;
  bool loop_closed_ = false;
};

inline bool Script::expect(bool kept, const char* promise, double id) {
  if (!kept && failure_.empty()) {
    failure_ = promise;
    const uint32_t slot = static_cast<uint32_t>(static_cast<uint64_t>(id)) & kSlotMask;
    failure_ += " (turn " + std::to_string(turns_) + ", slot " + std::to_string(slot) + ")";
  }
  return kept;
}

// --- listeners ---

inline void Script::listen() {
  const uint32_t handlers = ++handler_sets_;
  ListenerConfig config;
  config.spec.address.family = Family::kIPv4;
  config.spec.backlog = static_cast<int32_t>(random_.between(1, 20));
  config.accept.batch = random_.between(1, 8);
  config.accept.connections_max = random_.between(1, slots_max() + 4);
  config.accept.overload = random_.chance(50) ? Overload::kPause : Overload::kReset;
  config.handlers = handlers;
  config.idle_ticks = static_cast<uint16_t>(random_.chance(50) ? 0 : random_.between(1, 30));
  Listening listener;
  const Result<SocketAddress> address = loop_.engine().listen(config, &listener.index);
  if (!address.ok()) return;
  for (uint32_t number = loop_.world().sockets(); number-- > 0 && listener.socket == nullptr;) {
    if (loop_.world().socket(number).listening) listener.socket = &loop_.world().socket(number);
  }
  expect(listener.socket->owned && listener.socket->local.port == address.value().port, "listen tells its port");
  listener.overload = config.accept.overload;
  listener.connections_max = config.accept.connections_max;
  listener.idle_ms = uint64_t{config.idle_ticks} * kTickMs;
  listeners_[handlers] = listener;
}

inline void Script::close_a_listener() {
  for (auto& [handlers, listener] : listeners_) {
    if (!listener.listening || random_.chance(50)) continue;
    listener.listening = false;
    expect(loop_.engine().close_listener(listener.index), "a listener closes");
    expect(!loop_.engine().close_listener(listener.index), "a listener closes once");
    expect(!listener.socket->owned, "a closed listener has no socket");
    return;
  }
}

// --- asking ---

inline Known* Script::any() {
  if (known_.empty()) return nullptr;
  auto at = known_.lower_bound(random_.below(2 * slots_max()));
  if (at == known_.end()) at = known_.begin();
  return &at->second;
}

inline uint32_t Script::pick_habit() {
  uint32_t total = 0;
  for (const uint32_t weight : habits_) total += weight;
  uint32_t at = random_.below(total);
  uint32_t habit = 0;
  while (at >= habits_[habit]) at -= habits_[habit++];
  return habit;
}

inline void Script::ask() {
  for (auto& [slot, known] : known_) known.begin_submission();
  for (uint32_t count = random_.below(6); count > 0; --count) follow(static_cast<Habit>(pick_habit()));
  submit();
}

inline void Script::follow(Habit habit) {
  if (habit == kConnect) return connect();
  if (habit == kStale) return ask_stale();
  Known* const known = any();
  if (known == nullptr) return;
  const bool rarely = random_.chance(15);
  switch (habit) {
    case kWrite:
      return write(*known, random_.chance(30) ? random_.between(1, 9'000) : random_.between(1, 60), random_.chance(20));
    case kBurst:  // more slices than one system call takes
      for (uint32_t count = random_.between(60, 200); count > 0; --count) write(*known, random_.between(1, 80), false);
      return;
    case kEnd:
      if (!known->dropped) known->end_wanted = true;
      return submissions_.add(Request::kEnd, known->id);
    case kDestroy:
      return rarely ? request(Request::kDestroy, *known) : void();
    case kReset:
      return rarely ? request(Request::kReset, *known) : void();
    case kPause:
      return request(Request::kPause, *known);
    case kResume:
      return request(Request::kResume, *known);
    default:  // a question whether all is gone, or nothing at all
      return write(*known, 0, random_.chance(50));
  }
}

inline void Script::request(Request request, Known& known) {
  if (!known.dropped) {
    if (request == Request::kPause) known.paused = true;
    if (request == Request::kResume) known.paused = false;
    known.reset = request == Request::kReset;
    known.reset_in_time = known.reset && known.in_engine() && !known.end_wanted && !shutting_down_;
    known.dropped = known.reset || request == Request::kDestroy;
  }
  submissions_.add(request, known.id);
}

inline void Script::write(Known& known, uint32_t length, bool notify) {
  std::vector<uint8_t> bytes(length);
  sim::fill_stream(known.stream, known.written, bytes.data(), length);
  submissions_.add(Request::kWrite, known.id, bytes.data(), length, notify ? kNotifyDrain : 0);
  known.wrote(length, notify);
}

inline void Script::connect() {
  if (connect_slots_.empty()) return;
  Known known;
  known.slot = connect_slots_.back();
  connect_slots_.pop_back();
  const ConnectionId name{known.slot, ++used_generation_[known.slot]};
  known.id = name.encode(loop_.config().engine.loop);
  known.outbound = true;
  known.stream = ++streams_;
  known.handlers = ++handler_sets_;
  ConnectRecord record = connect_record(static_cast<uint16_t>(random_.between(1, 65'535)));
  record.handlers = known.handlers;
  record.connect_timeout_ticks = static_cast<uint16_t>(random_.chance(50) ? 0 : random_.between(1, 25));
  record.idle_timeout_ticks = static_cast<uint16_t>(random_.chance(50) ? 0 : random_.between(1, 30));
  known.connect_ms = uint64_t{record.connect_timeout_ticks} * kTickMs;
  known.idle_ms = uint64_t{record.idle_timeout_ticks} * kTickMs;
  std::vector<OptionRecord> options;
  // Row 3 does not exist: ENOTSUP.
  for (uint32_t count = random_.below(3); count > 0; --count) options.push_back({random_.below(20) == 0 ? 3 : random_.below(3), 0, 1.0});
  record.option_count = static_cast<uint32_t>(options.size());
  submissions_.connect(known.id, record, options);
  known_[known.slot] = known;
}

inline void Script::ask_stale() {
  constexpr Request kRequests[] = {Request::kWrite, Request::kEnd,   Request::kDestroy,
                                   Request::kReset, Request::kPause, Request::kResume};
  const uint8_t byte = 0;
  const Request request = random_.pick(kRequests);
  double id = ConnectionId{random_.below(2 * slots_max()), kGenerationMask}.encode(loop_.config().engine.loop);
  if (!stale_.empty() && random_.chance(80)) id = stale_[random_.below(static_cast<uint32_t>(stale_.size()))];
  submissions_.add(request, id, &byte, request == Request::kWrite ? 1 : 0);
  ++stale_expected_;
  expect(loop_.engine().io(id) == nullptr, "a stale id has no connection", id);
}

inline void Script::submit() {
  expect(loop_.submit(submissions_), "submissions of an honest program are sound");
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

// --- hearing ---

inline void Script::take_acknowledgements() {
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

inline void Script::turn(int timeout_ms) {
  ++turns_;
  for (auto& [slot, known] : known_) {
    known.deaf = known.paused || (known.in_engine() && known.queued() > loop_.config().engine.high_water_bytes);
  }
  expect(loop_.turn(timeout_ms).ok(), "a turn succeeds");
  take_acknowledgements();
  for (auto& [slot, known] : known_) known.settle_drain();
  expected_.completions += loop_.heard().size();
  for (const Completion& completion : loop_.heard()) {
    hear(completion);
    if (!ok()) return;
  }
  check_each();
}

inline void Script::hear(const Completion& completion) {
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
  Known& known = found->second;
  expect(completion.operation >> 8 == known.handlers, "a completion names its handlers", known.id);
  if (operation == Operation::kClose) return hear_close(known, completion);
  expect(known.open, "nothing but kClose before kOpen", known.id);
  if (operation == Operation::kData) return hear_data(known, completion);
  if (operation == Operation::kDrain) {
    expect(known.drain(completion.result == 1), "kDrain was promised, and nothing is queued", known.id);
    return;
  }
  expect(operation == Operation::kEnd && !known.peer_ended && !known.deaf, "kEnd comes once, and not to the deaf", known.id);
  expect(known.socket->ended && known.received == known.socket->sent, "kEnd comes after all that was sent", known.id);
  known.peer_ended = true;
}

inline void Script::hear_open(const Completion& completion) {
  ConnectionId name;
  const bool decoded = ConnectionId::decode(completion.id, loop_.config().engine.loop, &name);
  if (!expect(decoded && name.slot == completion.slot && name.slot < 2 * slots_max(), "kOpen has an id", completion.id)) return;
  if (name.slot < slots_max()) {
    const auto listening = listeners_.find(completion.operation >> 8);
    if (!expect(listening != listeners_.end(), "an accepted connection has its listener's handlers", completion.id)) return;
    Listening& listener = listening->second;
    expect(!known_.contains(name.slot) && name.generation > used_generation_[name.slot], "a new id is new", completion.id);
    expect(++listener.open <= listener.connections_max, "maxConnections of the listener", completion.id);
    used_generation_[name.slot] = name.generation;
    Known& known = known_[name.slot];
    known.id = completion.id;
    known.slot = name.slot;
    known.stream = ++streams_;
    known.handlers = completion.operation >> 8;
    known.idle_ms = listener.idle_ms;
    ++expected_.accepted;
  } else {
    ++expected_.connected;
  }
  const auto found = known_.find(name.slot);
  if (!expect(found != known_.end() && found->second.id == completion.id && !found->second.open, "kOpen comes once",
              completion.id)) {
    return;
  }
  Known& known = found->second;
  known.open = true;
  known.settle_drain();
  known.socket = loop_.world().with_token(name.slot);
  expect(known.socket != nullptr && known.socket->answer == sim::Answer::kAccepted, "kOpen has a connection", known.id);
}

inline void Script::hear_data(Known& known, const Completion& completion) {
  const auto length = static_cast<uint32_t>(completion.result);
  expect(completion.result > 0 && completion.offset + length <= loop_.config().slab_bytes, "data lies in the slab", known.id);
  expect(!known.deaf, "no data while paused, or while the peer does not read", known.id);
  expect(!known.peer_ended, "no data after kEnd", known.id);
  if (!ok()) return;
  expect(sim::matches_stream(known.socket->number, known.received, loop_.slab() + completion.offset, length),
         "data is what the peer sent, in order", known.id);
  known.received += length;
  expected_.bytesReceived += length;
}

inline void Script::hear_close(Known& known, const Completion& completion) {
  const auto call = static_cast<Call>(completion.offset);
  const char* const objection = known.objection(-completion.result, call, loop_.config().engine, shutting_down_);
  if (!expect(objection == nullptr, objection, known.id)) {
    failure_ += std::string(" ") + error_name(-completion.result) + " from " + call_name(call);
  }
  expect(known.delivered_in_order(), "the peer got what was written, in order", known.id);
  ++expected_.closed;
  if (call == Call::kIdle) ++expected_.timeouts;
  if (!known.outbound) {
    --listeners_[known.handlers].open;
  } else {
    connect_slots_.push_back(known.slot);
  }
  stale_.push_back(known.id);
  known_.erase(known.slot);
}

inline void Script::check_each() {
  uint32_t accepted = 0;
  for (auto& [slot, known] : known_) {
    if (!known.outbound) ++accepted;
    expect(known.delivered_in_order(), "the peer got what was written, in order", known.id);
    expect(!known.overdue(loop_.world().now_ms()), "a timeout comes in time", known.id);
    if (!known.in_engine()) continue;
    expect(known.acknowledged == known.socket->delivered.size(), "what the kernel took is acknowledged", known.id);
    expect(known.queued() <= loop_.config().engine.write_queue_max_bytes, "a queue has its bound", known.id);
    expect(!known.open || !known.socket->saw_end || known.queued() == 0, "FIN comes after everything written", known.id);
    if (loop_.batch_full()) continue;
    expect(!known.drain_due, "a promised kDrain comes", known.id);
    known.drain_possible = false;
  }
  expect(accepted <= slots_max(), "maxConnections of the loop");
  for (auto& [handlers, listener] : listeners_) {
    ListenerReport report;
    const bool reported = loop_.engine().report_listener(listener.index, &report);
    if (!listener.listening) continue;
    expect(reported && report.open == listener.open && report.queue.depth == listener.socket->queue.size(),
           "a listener's report is true");
    expect(listener.overload == Overload::kReset || listener.socket->turned_away == 0,
           "a listener that pauses resets nobody");
    const bool room = listener.open < listener.connections_max && accepted < slots_max();
    const bool may_sleep = listener.socket->accept_limit > 0 || !room;
    expect(may_sleep || static_cast<uint32_t>(loop_.engine().next_turn_ms()) <= kAcceptRetryMs,
           "a listener with room is not forgotten");
  }
}

// --- coming to rest ---

inline size_t Script::waiting_to_be_accepted() const {
  size_t waiting = 0;
  for (const auto& [handlers, listener] : listeners_) waiting += listener.socket->queue.size();
  return waiting;
}

inline void Script::settle() {
  loop_.world().calm_down();
  for (auto& [slot, known] : known_) {
    known.begin_submission();
    request(Request::kResume, known);
  }
  submit();
  const size_t enough = 4 + listeners_.size();  // they may have the last place in turn
  size_t quiet = 0;
  for (uint32_t i = 0; i < 2'000 && quiet < enough && ok(); ++i) {
    const uint64_t sent = expected_.bytesSent;
    const size_t waiting = waiting_to_be_accepted();
    turn(static_cast<int>(kAcceptRetryMs));
    const bool silent = loop_.heard().empty() && expected_.bytesSent == sent && waiting_to_be_accepted() == waiting;
    quiet = silent ? quiet + 1 : 0;
  }
  expect(quiet == enough, "in a calm world the loop comes to rest");
  check_at_rest();
  check_listeners_at_rest();
}

inline void Script::check_at_rest() {
  for (auto& [slot, known] : known_) {
    expect(known.in_engine() && known.open, "at rest a connection is open", known.id);
    if (!ok()) return;
    const sim::Socket& socket = *known.socket;
    // After FIN nothing is received, and a kernel that warns nobody may keep a reset to itself.
    expect(!socket.reset || known.peer_ended, "at rest a reset was noticed", known.id);
    expect(known.queued() == 0, "at rest everything was sent", known.id);
    expect(known.received == socket.sent && known.peer_ended == socket.ended, "at rest everything was received", known.id);
    expect(known.end_wanted == socket.saw_end, "at rest an end was carried out", known.id);
    expect(!known.end_wanted || !known.peer_ended, "at rest what both sides ended is closed", known.id);
  }
}

inline void Script::check_listeners_at_rest() {
  const auto accepted = std::count_if(known_.begin(), known_.end(), [](const auto& k) { return !k.second.outbound; });
  for (const auto& [handlers, listener] : listeners_) {
    if (!listener.listening) continue;
    const bool full = listener.open >= listener.connections_max || accepted >= slots_max();
    expect(full || listener.socket->queue.empty(), "at rest a listener with room has accepted everybody");
    expect(listener.overload == Overload::kPause || listener.socket->queue.empty(), "at rest an overload was reset");
  }
}

inline void Script::shut_down(uint32_t timeout_ms) {
  loop_.engine().begin_shutdown(timeout_ms);
  shutting_down_ = true;
  for (auto& [handlers, listener] : listeners_) {
    listener.listening = false;
    expect(!listener.socket->owned, "shutting down closes the listeners");
  }
}

inline void Script::check_end() {
  const Counters& counted = loop_.engine().counters();
  expect(loop_.engine().shut_down() && known_.empty(), "everything is closed in the end");
  expect(loop_.engine().queues_in_use() == 0 && counted.backlogged == 0, "no write queue is left");
  expect(counted.open == 0 && counted.closed == expected_.closed, "counter: open, closed");
  expect(counted.accepted == expected_.accepted && counted.connected == expected_.connected, "counter: accepted, connected");
  expect(counted.bytesReceived == expected_.bytesReceived, "counter: bytesReceived");
  expect(counted.bytesSent == expected_.bytesSent, "counter: bytesSent");
  expect(counted.completions == expected_.completions && counted.turns == turns_, "counter: completions, turns");
  expect(counted.staleSubmissions >= stale_expected_, "counter: staleSubmissions");
  expect(counted.timeouts >= expected_.timeouts, "counter: timeouts");
}

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_SIM_SCRIPT_H_
