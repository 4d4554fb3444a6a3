// Runs of connects: what starts them, and what their ends mean.

#include <algorithm>
#include <utility>

#include "engine/engine.h"

namespace connscale {

Result<void> Engine::start_run(ConnectPlan plan, uint32_t* number) {
  if (shutting_down_) return SysError{error::kECANCELED, Call::kNone};
  uint32_t free = 0;
  while (free < runs_.size() && runs_[free] != nullptr)
    ++free;
  if (free == runs_.size()) runs_.emplace_back();
  *number = ++run_numbers_;
  runs_[free] = std::make_unique<ConnectRun>(std::move(plan), platform::now_ms(), *number);
  active_runs_.push_back(free);
  return {};
}

bool Engine::stop_run(uint32_t number) noexcept {
  // By a number of its own: its place may be another run's by the time that JavaScript hears of its end.
  const auto found = std::find_if(active_runs_.begin(), active_runs_.end(),
                                  [&](uint32_t place) { return runs_[place]->number() == number; });
  if (found == active_runs_.end()) return false;
  const uint32_t index = *found;
  runs_[index]->stop();
  for (uint32_t slot = 0; slot < attempts_.size(); ++slot) {
    if (attempts_[slot].run != index + 1) continue;
    const Connection& connection = table_.at(slot);
    const bool connecting = connection.attempt && connection.state == ConnectionState::kConnecting;
    if (connecting) finish(slot, error::kECANCELED, Call::kConnect, CloseMode::kGraceful);
  }
  return true;
}

uint64_t Engine::next_run_ms() const noexcept {
  uint64_t due = UINT64_MAX;
  for (const uint32_t index : active_runs_) {
    if (runs_[index]->finished()) return 0;
    due = std::min(due, runs_[index]->next_start_ms(now_ms_));
  }
  return due;
}

void Engine::advance_runs(Batch& batch) noexcept {
  for (size_t i = 0; i < active_runs_.size();) {
    const uint32_t index = active_runs_[i];
    start_attempts(index, batch);
    if (batch.room() < 2) return;
    report_run(index, batch);
    if (!runs_[index]->finished()) {
      ++i;
      continue;
    }
    push_run(batch, index, Operation::kRunDone, runs_[index]->slowest_us());
    active_runs_.erase(active_runs_.begin() + static_cast<ptrdiff_t>(i));
    forget_run_if_over(index);
  }
}

/// How a run stands, once for each turn in which that changed.
void Engine::report_run(uint32_t index, Batch& batch) noexcept {
  if (runs_[index]->take_changed()) push_run(batch, index, Operation::kRunProgress, runs_[index]->in_flight());
}

void Engine::push_run(Batch& batch, uint32_t index, Operation operation, uint32_t result) noexcept {
  const ConnectRun& run = *runs_[index];
  batch.completions[batch.count++] = Completion{static_cast<double>(run.ports_skipped()), 0,
                                                static_cast<uint32_t>(operation) | run.plan().handlers << 8,
                                                static_cast<int32_t>(result), run.waiting()};
}

void Engine::start_attempts(uint32_t index, Batch& batch) noexcept {
  ConnectRun& run = *runs_[index];
  uint32_t budget = kConnectsPerTurn;
  while (budget > 0 && run.next_start_ms(now_ms_) <= now_ms_) {
    --budget;
    const uint32_t slot = table_.acquire();
    if (slot != kNoSlot) {
      start_attempt(index, slot, &budget);
      continue;
    }
    // Slots of connections that closed in this turn are free in the next.
    const bool soon = closed_head_ != kNoSlot || (table_.room() > 0 && table_.room_now() == 0);
    if (soon || batch.room() == 0) return;
    refuse_attempt(run, batch);
  }
}

void Engine::start_attempt(uint32_t index, uint32_t slot, uint32_t* budget) noexcept {
  ConnectRun& run = *runs_[index];
  if (slot >= attempts_.size()) attempts_.resize(slot + 1);
  Attempt& attempt = attempts_[slot];
  attempt = run.begin(now_ms_);
  attempt.run = index + 1;
  Connection& connection = table_.at(slot);
  connection.state = ConnectionState::kConnecting;
  connection.attempt = true;
  connection.handlers = run.plan().handlers;
  connection.idle_ticks = run.plan().idle_ticks;
  ConnectSpec spec;
  SysError failure{error::kEADDRNOTAVAIL, Call::kConnect};
  // Ports that others have are passed over: the kernel tells of one in two microseconds.
  while (run.route(&attempt, &spec)) {
    attempt.started_us = static_cast<uint32_t>(platform::now_us());
    const Result<void> started = poller_.connect(connection.io, spec, slot);
    if (started.ok()) {
      if (run.plan().connect_ticks > 0) arm_deadline(slot, run.plan().connect_ticks);
      return;
    }
    failure = started.failure();
    if (!run.reroute(&attempt, failure)) break;
    if (*budget == 0) return put_back(run, slot);
    --*budget;
  }
  ++counters_.connectFailures;
  finish(slot, failure.code, failure.call, CloseMode::kGraceful);
}

/// Too many ports were taken for one turn. Nobody has heard of this attempt yet.
void Engine::put_back(ConnectRun& run, uint32_t slot) noexcept {
  run.put_back(std::exchange(attempts_[slot], Attempt{}));
  table_.release(slot);
}

/// The loop holds its maximum.
void Engine::refuse_attempt(ConnectRun& run, Batch& batch) noexcept {
  ++counters_.connectFailures;
  (void)run.on_failed(run.begin(now_ms_), 0, now_ms_);  // ignored: no policy names this
  batch.completions[batch.count++] =
      Completion{0, 0, static_cast<uint32_t>(Operation::kAttemptFailed) | run.plan().handlers << 8, 0, 0};
}

void Engine::on_attempt_opened(uint32_t slot) noexcept {
  table_.at(slot).attempt = false;
  const Attempt& attempt = attempts_[slot];
  runs_[attempt.run - 1]->on_opened(attempt, platform::now_us());
}

/// The end of a connection that belongs to a run. True: it never opened, and this was told.
bool Engine::end_attempt(uint32_t slot, Batch& batch) noexcept {
  if (slot >= attempts_.size() || attempts_[slot].run == 0) return false;
  const Attempt attempt = std::exchange(attempts_[slot], Attempt{});
  const uint32_t index = attempt.run - 1;
  ConnectRun& run = *runs_[index];
  const Connection& connection = table_.at(slot);
  const bool opened = !connection.attempt;
  if (opened) {
    run.on_closed(attempt);
    forget_run_if_over(index);
    return false;
  }
  const int32_t code = connection.close_error != 0 ? connection.close_error : error::kECANCELED;
  const bool again = run.on_failed(attempt, code, now_ms_);
  push(batch, slot, Operation::kAttemptFailed, -code, again ? 1 : 0);
  return true;
}

uint32_t Engine::runs_in_use() const noexcept {
  const auto runs = std::count_if(runs_.begin(), runs_.end(), [](const auto& run) { return run != nullptr; });
  const auto attempts =
      std::count_if(attempts_.begin(), attempts_.end(), [](const Attempt& attempt) { return attempt.run != 0; });
  return static_cast<uint32_t>(runs + attempts);
}

/// Its connections have closed as well: nobody asks for its ports any more.
void Engine::forget_run_if_over(uint32_t index) noexcept {
  const bool active = std::find(active_runs_.begin(), active_runs_.end(), index) != active_runs_.end();
  if (!active && runs_[index]->open() == 0) runs_[index].reset();
}

}  // namespace connscale
