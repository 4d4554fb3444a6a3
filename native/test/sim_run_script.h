// JavaScript that starts runs, plays with what they open, and holds what it hears against what was promised.
#ifndef CONNSCALE_TEST_SIM_RUN_SCRIPT_H_
#define CONNSCALE_TEST_SIM_RUN_SCRIPT_H_

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/error_names.h"
#include "test/sim_loop.h"

namespace connscale::test {

/// 127.0.`host`.1, or another byte than 1.
inline SocketAddress loopback_address(uint8_t host, uint16_t port, uint8_t last = 1) {
  SocketAddress address;
  address.family = Family::kIPv4;
  address.bytes = {127, 0, host, last};
  address.port = port;
  return address;
}

/// What came true at least once, so that a test can tell that it tested something.
struct RunTally {
  uint64_t opened = 0;
  uint64_t failed = 0;
  uint64_t refused = 0;
  uint64_t retried = 0;
  uint64_t skipped = 0;
  uint64_t without_ports = 0;
  uint64_t stopped = 0;
  uint64_t canceled = 0;
  uint64_t shut_down = 0;
  uint64_t completed = 0;
  uint64_t timed_out = 0;

  [[nodiscard]] std::vector<std::pair<const char*, uint64_t>> rows() const {
    return {{"a connection of a run opens", opened},
            {"an attempt fails for good", failed},
            {"the loop holds its maximum", refused},
            {"an attempt is tried again", retried},
            {"a port is skipped", skipped},
            {"no port is left", without_ports},
            {"a run is stopped", stopped},
            {"an attempt is canceled", canceled},
            {"a run ends because the loop does", shut_down},
            {"a run ends by itself", completed},
            {"an attempt times out", timed_out}};
  }
};

/// A run as JavaScript knows it.
struct KnownRun {
  uint32_t number = 0;
  uint32_t handlers = 0;
  ConnectPlan plan;
  uint32_t opened = 0;
  uint32_t failed = 0;
  uint32_t retried = 0;
  uint32_t in_flight = 0;
  uint32_t waiting = 0;
  double skipped = 0;
  bool stopped = false;
  bool done = false;
};

class RunScript {
 public:
  RunScript(SimLoop& loop, RunTally* tally) : loop_(loop), tally_(tally), random_(loop.config().seed * 71 + 5) {}

  [[nodiscard]] bool ok() const { return failure_.empty(); }
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] bool loop_closed() const { return loop_closed_; }

  void start() { start_run(draw_plan()); }
  void stop_one();
  /// Requests for connections that are open.
  void ask();
  void turn(int timeout_ms);
  /// Nothing goes wrong any more: all runs end, and the loop has room for as many as ever.
  void settle();
  void shut_down(uint32_t timeout_ms);
  void check_end();

 private:
  bool expect(bool kept, const char* promise, const KnownRun* run = nullptr);
  KnownRun* run_of(uint32_t handlers);
  ConnectPlan draw_plan();
  void draw_sources(ConnectPlan& plan);
  KnownRun& start_run(ConnectPlan plan);
  void hear(const Completion& completion);
  void hear_of_run(KnownRun& run, const Completion& completion);
  void hear_failure(KnownRun& run, int32_t code, bool again);
  void hear_done(KnownRun& run);
  void hear_open(const Completion& completion);
  void hear_close(const Completion& completion);
  void check_run(const KnownRun& run);
  void check_tuples();
  void turn_until_runs_end();
  void close_all();

  SimLoop& loop_;
  RunTally* tally_;
  sim::Random random_;
  std::string failure_;
  std::vector<KnownRun> runs_;       // in the order of their handlers, from 1
  std::map<uint32_t, double> open_;  // ids by slot, of accepted connections as well
  uint64_t opened_ = 0;              // by runs
  uint64_t closed_ = 0;              // kClose
  bool shutting_down_ = false;
  bool loop_closed_ = false;
};

inline bool RunScript::expect(bool kept, const char* promise, const KnownRun* run) {
  if (!kept && failure_.empty()) {
    failure_ = promise;
    if (run != nullptr) {
      failure_ += " (run " + std::to_string(run->number) + ": " + std::to_string(run->opened) + " opened, " +
                  std::to_string(run->failed) + " failed, of " + std::to_string(run->plan.count) + ")";
    }
  }
  return kept;
}

inline KnownRun* RunScript::run_of(uint32_t handlers) {
  return handlers == 0 || handlers > runs_.size() ? nullptr : &runs_[handlers - 1];
}

inline ConnectPlan RunScript::draw_plan() {
  ConnectPlan plan;
  for (uint32_t count = random_.between(1, 3); count > 0; --count)
    plan.destinations.push_back(loopback_address(1, static_cast<uint16_t>(80 + count)));
  draw_sources(plan);
  plan.count = random_.chance(20) ? random_.between(1, 400) : random_.between(1, 40);
  plan.in_flight_max = random_.chance(30) ? 1 : random_.between(1, 40);
  if (random_.chance(30)) plan.rate_per_second = random_.between(20, 2'000);
  if (random_.chance(20) && !plan.intervals.empty()) loop_.world().take_ports(plan.intervals.front());
  if (random_.chance(60)) {
    for (uint32_t code = 1; code < RetryPolicy::kCodes; ++code)
      plan.retry.codes[code] = random_.chance(50);
    plan.retry.attempts = random_.between(2, 6);
    plan.retry.delay_ms = random_.chance(50) ? 0 : random_.between(1, 300);
  }
  // A connect that nobody answers ends by nothing else.
  plan.connect_ticks = static_cast<uint16_t>(random_.between(1, 20));
  plan.idle_ticks = static_cast<uint16_t>(random_.chance(50) ? 0 : random_.between(1, 30));
  return plan;
}

/// Addresses of its own: two runs of one loop never meet on a tuple, and so no connection of ours is in another's way.
inline void RunScript::draw_sources(ConnectPlan& plan) {
  const auto own = static_cast<uint8_t>(10 + runs_.size());
  if (random_.chance(80)) plan.sources.push_back({loopback_address(own, 0), random_.between(1, 4)});
  if (random_.chance(30) && !plan.sources.empty()) {
    plan.sources.push_back({loopback_address(own, 0, 100), random_.between(1, 200)});
  }
  plan.strategy = random_.chance(50) ? SourceStrategy::kRoundRobin : SourceStrategy::kLeastUsed;
  if (plan.sources.empty() || random_.chance(30)) return;
  plan.ports = random_.chance(80) ? PortChoice::kExplicit : PortChoice::kRange;
  const auto first = static_cast<uint16_t>(random_.between(1'024, 60'000));
  plan.intervals.push_back({first, static_cast<uint16_t>(first + random_.below(random_.chance(50) ? 3 : 700))});
  if (plan.ports == PortChoice::kExplicit && random_.chance(40)) {
    plan.intervals.push_back({61'000, static_cast<uint16_t>(61'000 + random_.below(5))});
  }
}

inline KnownRun& RunScript::start_run(ConnectPlan plan) {
  KnownRun run;
  run.handlers = static_cast<uint32_t>(runs_.size() + 1);
  plan.handlers = run.handlers;
  run.plan = plan;
  const Result<void> started = loop_.engine().start_run(std::move(plan), &run.number);
  expect(started.ok() != shutting_down_, "a run starts, but not while the loop closes");
  for (const KnownRun& other : runs_)
    expect(!started.ok() || other.number != run.number, "the number of a run is its own");
  run.done = !started.ok();
  runs_.push_back(run);
  expect(run.done || loop_.engine().next_turn_ms() == 0, "a run begins at once");
  return runs_.back();
}

inline void RunScript::stop_one() {
  if (runs_.empty()) return;
  KnownRun& run = runs_[random_.below(static_cast<uint32_t>(runs_.size()))];
  const bool stopped = loop_.engine().stop_run(run.number);
  expect(stopped == (run.number != 0 && !run.done), "a run can be stopped until it has ended", &run);
  run.stopped = run.stopped || stopped;
  if (stopped) ++tally_->stopped;
}

inline void RunScript::ask() {
  Submissions submissions;
  const std::vector<uint8_t> bytes(100, 'x');
  for (const auto& [slot, id] : open_) {
    if (!random_.chance(15)) continue;
    constexpr Request kRequests[] = {Request::kWrite, Request::kEnd,   Request::kDestroy,
                                     Request::kReset, Request::kPause, Request::kResume};
    const Request request = random_.pick(kRequests);
    submissions.add(request, id, bytes.data(), request == Request::kWrite ? 100 : 0);
    // What was asked to end is not written to again.
    if (request == Request::kEnd) submissions.add(Request::kDestroy, id);
  }
  expect(loop_.submit(submissions), "submissions of an honest program are sound");
}

inline void RunScript::turn(int timeout_ms) {
  expect(loop_.turn(timeout_ms).ok(), "a turn succeeds");
  loop_.engine().acknowledgements().clear();
  for (const Completion& completion : loop_.heard()) {
    hear(completion);
    if (!ok()) return;
  }
  check_tuples();
  const bool room = loop_.config().batch_capacity - loop_.heard().size() >= 2;
  for (const KnownRun& run : runs_) {
    if (!run.done && room) check_run(run);
  }
}

/// What was reported in a turn is how the run stands at its end.
inline void RunScript::check_run(const KnownRun& run) {
  const uint32_t known = run.opened + run.failed + run.in_flight + run.waiting;
  expect(known <= run.plan.count, "no connection of a run is counted twice", &run);
  expect(
      run.stopped || shutting_down_ || known > 0 || run.plan.rate_per_second > 0 || loop_.engine().next_turn_ms() == 0,
      "a run that has begun has something under way", &run);
}

/// No two sockets of this world, those being closed included, have one source and one destination.
inline void RunScript::check_tuples() {
  std::set<std::tuple<std::array<uint8_t, 16>, uint16_t, std::array<uint8_t, 16>, uint16_t>> tuples;
  for (uint32_t i = 0; i < loop_.world().sockets(); ++i) {
    const sim::Socket& socket = loop_.world().socket(i);
    const bool bound = socket.owned && !socket.listening && socket.started_ms != sim::kNever && socket.local.port != 0;
    if (!bound) continue;
    const bool added =
        tuples.insert({socket.local.bytes, socket.local.port, socket.remote.bytes, socket.remote.port}).second;
    if (!expect(added, "no two connections have one source and one destination")) return;
  }
}

inline void RunScript::hear(const Completion& completion) {
  expect(!loop_closed_, "kLoopClosed is the last completion");
  const auto operation = static_cast<Operation>(completion.operation & 0xFF);
  KnownRun* const run = run_of(completion.operation >> 8);
  switch (operation) {
    case Operation::kLoopClosed:
      loop_closed_ = true;
      expect(shutting_down_ && open_.empty(), "kLoopClosed comes when everything is closed");
      for (const KnownRun& each : runs_)
        expect(each.done, "kLoopClosed comes when every run has ended", &each);
      return;
    case Operation::kAttemptFailed:
    case Operation::kRunProgress:
    case Operation::kRunDone:
      expect(run != nullptr, "a run's completion names its handlers");
      if (run != nullptr) hear_of_run(*run, completion);
      return;
    case Operation::kOpen:
      return hear_open(completion);
    case Operation::kClose:
      return hear_close(completion);
    default:
      expect(open_.contains(completion.slot) && open_[completion.slot] == completion.id,
             "no completion for a stale id");
  }
}

inline void RunScript::hear_of_run(KnownRun& run, const Completion& completion) {
  expect(!run.done, "nothing comes of a run after kRunDone", &run);
  const auto operation = static_cast<Operation>(completion.operation & 0xFF);
  if (operation == Operation::kAttemptFailed) return hear_failure(run, -completion.result, completion.offset == 1);
  expect(completion.id >= run.skipped, "ports that were skipped stay so", &run);
  tally_->skipped += completion.id > run.skipped ? 1 : 0;
  run.skipped = completion.id;
  if (operation == Operation::kRunDone) return hear_done(run);
  run.in_flight = static_cast<uint32_t>(completion.result);
  run.waiting = completion.offset;
  expect(run.in_flight <= run.plan.in_flight_max, "no more are under way than may be", &run);
}

inline void RunScript::hear_failure(KnownRun& run, int32_t code, bool again) {
  expect(code >= 0 && code < 200, "a failure has a code", &run);
  tally_->without_ports += code == error::kEADDRNOTAVAIL ? 1 : 0;
  tally_->canceled += code == error::kECANCELED ? 1 : 0;
  tally_->timed_out += code == error::kETIMEDOUT ? 1 : 0;
  expect(code != error::kECANCELED || run.stopped || shutting_down_, "nobody cancels but who stops", &run);
  if (again) {
    ++run.retried;
    ++tally_->retried;
    expect(!run.stopped && !shutting_down_, "who was stopped does not try again", &run);
    expect(run.plan.retry.codes[static_cast<uint32_t>(code)], "only errors of the policy are tried again", &run);
    expect(run.retried <= run.plan.count * (run.plan.retry.attempts - 1), "no more tries than allowed", &run);
    return;
  }
  ++run.failed;
  ++tally_->failed;
  tally_->refused += code == 0 ? 1 : 0;
  expect(run.opened + run.failed <= run.plan.count, "no connection of a run ends twice", &run);
}

inline void RunScript::hear_done(KnownRun& run) {
  run.done = true;
  const bool all = run.opened + run.failed == run.plan.count;
  expect(all || run.stopped || shutting_down_, "a run that nobody stopped has tried everything", &run);
  expect(run.in_flight == 0 && run.waiting == 0, "kRunDone comes when nothing is under way", &run);
  const bool by_itself = !run.stopped && !shutting_down_;
  tally_->completed += by_itself ? 1 : 0;
  tally_->shut_down += shutting_down_ ? 1 : 0;
}

inline void RunScript::hear_open(const Completion& completion) {
  ConnectionId name;
  const bool decoded = ConnectionId::decode(completion.id, loop_.config().engine.loop, &name);
  expect(decoded && name.slot == completion.slot && name.slot < loop_.config().engine.connections_max,
         "what a run opens has a slot of those that are handed out");
  expect(open_.emplace(completion.slot, completion.id).second, "a slot is of one connection at a time");
  KnownRun* const run = run_of(completion.operation >> 8);
  if (run == nullptr) return;  // accepted
  ++run->opened;
  ++opened_;
  ++tally_->opened;
  expect(!run->done && !run->stopped, "a run that ended, or was stopped, opens nothing", run);
  expect(run->opened + run->failed <= run->plan.count, "no connection of a run ends twice", run);
}

inline void RunScript::hear_close(const Completion& completion) {
  const auto found = open_.find(completion.slot);
  if (!expect(found != open_.end() && found->second == completion.id, "kClose is for what was open")) return;
  open_.erase(found);
  ++closed_;
}

inline void RunScript::turn_until_runs_end() {
  const auto under_way = [this] {
    return std::any_of(runs_.begin(), runs_.end(), [](const KnownRun& run) { return !run.done; });
  };
  for (uint32_t i = 0; i < 20'000 && ok() && under_way(); ++i)
    turn(-1);
  expect(!under_way(), "in a calm world every run ends");
}

inline void RunScript::close_all() {
  Submissions submissions;
  for (const auto& [slot, id] : open_)
    submissions.add(Request::kDestroy, id);
  expect(loop_.submit(submissions), "submissions of an honest program are sound");
  for (uint32_t i = 0; i < 1'000 && ok() && !open_.empty(); ++i)
    turn(0);
  expect(open_.empty(), "what is destroyed closes");
}

inline void RunScript::settle() {
  loop_.world().calm_down();
  turn_until_runs_end();
  if (!ok()) return;
  for (uint32_t i = 0; i < loop_.world().sockets(); ++i) {
    if (loop_.world().socket(i).listening && loop_.world().socket(i).owned) (void)loop_.engine().close_listener(0);
  }
  close_all();
  turn(0);
  expect(loop_.engine().counters().open == 0, "no slot is left when everything has closed");
  expect(loop_.engine().runs_in_use() == 0, "no run is left when its connections have closed");
  // Every slot, every port: all of them can be had again.
  const uint32_t slots = loop_.config().engine.connections_max;
  ConnectPlan plan;
  plan.destinations = {loopback_address(1, 80)};
  plan.sources = {{loopback_address(250, 0), 1}};
  plan.ports = PortChoice::kExplicit;
  plan.intervals = {{62'000, static_cast<uint16_t>(62'000 + slots - 1)}};
  plan.count = slots;
  plan.in_flight_max = slots;
  const size_t at = runs_.size();
  start_run(plan);
  turn_until_runs_end();
  expect(runs_[at].opened == slots && runs_[at].skipped == 0, "a calm loop opens all that it may hold", &runs_[at]);
}

inline void RunScript::shut_down(uint32_t timeout_ms) {
  loop_.engine().begin_shutdown(timeout_ms);
  shutting_down_ = true;
  if (random_.chance(20)) start();
}

inline void RunScript::check_end() {
  if (!ok()) return;
  const Counters& counted = loop_.engine().counters();
  expect(loop_closed_ && loop_.engine().shut_down(), "the loop closes");
  expect(counted.open == 0 && counted.backlogged == 0, "no slot and no queue is left");
  expect(loop_.engine().runs_in_use() == 0, "no run and no attempt is left");
  expect(counted.connected == opened_, "counter: connected");
  expect(counted.closed == closed_, "counter: closed");
}

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_SIM_RUN_SCRIPT_H_
