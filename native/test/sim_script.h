// JavaScript, played by dice: listens, connects, writes, ends, pauses, and asks for what is not there any more.
#ifndef CONNSCALE_TEST_SIM_SCRIPT_H_
#define CONNSCALE_TEST_SIM_SCRIPT_H_

#include <array>
#include <vector>

#include "test/sim_witness.h"

namespace connscale::test {

class Script {
 public:
  Script(SimLoop& loop, Witness& witness);

  void listen();
  void close_a_listener();
  /// One flush of a few requests.
  void ask();
  /// Nothing goes wrong any more and nobody is paused: everything must come to rest as it should.
  void settle();
  void shut_down(uint32_t timeout_ms);

 private:
  enum Habit : uint32_t {
    kWrite,
    kBurst,
    kEnd,
    kDestroy,
    kReset,
    kPause,
    kResume,
    kConnect,
    kStale,
    kQuestion,
    kHabits
  };

  [[nodiscard]] uint32_t slots_max() const { return loop_.config().engine.connections_max; }
  Known* any();
  uint32_t pick_habit();
  void follow(Habit habit);
  void write(Known& known, uint32_t length, bool notify);
  void request(Request request, Known& known);
  void connect();
  void ask_stale();
  void submit();

  SimLoop& loop_;
  Witness& witness_;
  sim::Random random_;
  std::array<uint32_t, kHabits> habits_{};  // weights
  Submissions submissions_;
  uint32_t handler_sets_ = 0;
};

inline Script::Script(SimLoop& loop, Witness& witness)
    : loop_(loop), witness_(witness), random_(loop.config().seed * 31 + 7) {
  for (uint32_t& weight : habits_)
    weight = random_.chance(30) ? 0 : random_.between(1, 10);
  habits_[kWrite] += 1;
}

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
  witness_.expect(listener.socket->owned && listener.socket->local.port == address.value().port,
                  "listen tells its port");
  listener.overload = config.accept.overload;
  listener.connections_max = config.accept.connections_max;
  listener.idle_ms = uint64_t{config.idle_ticks} * kTickMs;
  witness_.listeners()[handlers] = listener;
}

inline void Script::close_a_listener() {
  for (auto& [handlers, listener] : witness_.listeners()) {
    if (!listener.listening || random_.chance(50)) continue;
    listener.listening = false;
    witness_.expect(loop_.engine().close_listener(listener.index), "a listener closes");
    witness_.expect(!loop_.engine().close_listener(listener.index), "a listener closes once");
    witness_.expect(!listener.socket->owned, "a closed listener has no socket");
    return;
  }
}

inline Known* Script::any() {
  if (witness_.connections().empty()) return nullptr;
  auto at = witness_.connections().lower_bound(random_.below(2 * slots_max()));
  if (at == witness_.connections().end()) at = witness_.connections().begin();
  return &at->second;
}

inline uint32_t Script::pick_habit() {
  uint32_t total = 0;
  for (const uint32_t weight : habits_)
    total += weight;
  uint32_t at = random_.below(total);
  uint32_t habit = 0;
  while (at >= habits_[habit])
    at -= habits_[habit++];
  return habit;
}

inline void Script::ask() {
  witness_.begin_submission();
  for (uint32_t count = random_.below(6); count > 0; --count)
    follow(static_cast<Habit>(pick_habit()));
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
      for (uint32_t count = random_.between(60, 200); count > 0; --count)
        write(*known, random_.between(1, 80), false);
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
    known.reset_in_time = known.reset && known.in_engine() && !known.end_wanted && !witness_.shutting_down();
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
  Known known;
  known.slot = slots_max() + random_.below(slots_max());
  if (witness_.connections().contains(known.slot)) return;
  const ConnectionId name{known.slot, witness_.next_generation(known.slot)};
  known.id = name.encode(loop_.config().engine.loop);
  known.outbound = true;
  known.stream = witness_.next_stream();
  known.handlers = ++handler_sets_;
  ConnectRecord record = connect_record(static_cast<uint16_t>(random_.between(1, 65'535)));
  record.handlers = known.handlers;
  record.connect_timeout_ticks = static_cast<uint16_t>(random_.chance(50) ? 0 : random_.between(1, 25));
  record.idle_timeout_ticks = static_cast<uint16_t>(random_.chance(50) ? 0 : random_.between(1, 30));
  known.connect_ms = uint64_t{record.connect_timeout_ticks} * kTickMs;
  known.idle_ms = uint64_t{record.idle_timeout_ticks} * kTickMs;
  std::vector<OptionRecord> options;
  // Row 3 does not exist: ENOTSUP.
  for (uint32_t count = random_.below(3); count > 0; --count)
    options.push_back({random_.below(20) == 0 ? 3 : random_.below(3), 0, 1.0});
  record.option_count = static_cast<uint32_t>(options.size());
  submissions_.connect(known.id, record, options);
  witness_.connections()[known.slot] = known;
}

inline void Script::ask_stale() {
  constexpr Request kRequests[] = {Request::kWrite, Request::kEnd,   Request::kDestroy,
                                   Request::kReset, Request::kPause, Request::kResume};
  const uint8_t byte = 0;
  const Request request = random_.pick(kRequests);
  const std::vector<double>& stale = witness_.stale();
  double id = ConnectionId{random_.below(2 * slots_max()), kGenerationMask}.encode(loop_.config().engine.loop);
  if (!stale.empty() && random_.chance(80)) id = stale[random_.below(static_cast<uint32_t>(stale.size()))];
  submissions_.add(request, id, &byte, request == Request::kWrite ? 1 : 0);
  witness_.asked_stale();
  witness_.expect(loop_.engine().io(id) == nullptr, "a stale id has no connection", id);
}

inline void Script::submit() {
  witness_.expect(loop_.submit(submissions_), "submissions of an honest program are sound");
  witness_.end_submission();
}

inline void Script::settle() {
  loop_.world().calm_down();
  witness_.begin_submission();
  for (auto& [slot, known] : witness_.connections())
    request(Request::kResume, known);
  submit();
  witness_.turn_until_rest();
}

inline void Script::shut_down(uint32_t timeout_ms) {
  loop_.engine().begin_shutdown(timeout_ms);
  witness_.began_shutdown();
}

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_SIM_SCRIPT_H_
