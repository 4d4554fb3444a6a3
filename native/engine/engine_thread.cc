#include "engine/engine_thread.h"

#include <cassert>
#include <utility>

#include "base/limits.h"

namespace connscale {

Delivery::Delivery(uint32_t batch_capacity, uint32_t slab_bytes) : completions(batch_capacity), slab(slab_bytes) {
  batch.completions = completions.data();
  batch.capacity = batch_capacity;
  batch.slab = ReceiveSlab(slab.data(), slab_bytes);
}

EngineThread::EngineThread(Options options) : options_(std::move(options)) {
  for (uint32_t i = 0; i < kDeliveries; ++i) {
    deliveries_.push_back(std::make_unique<Delivery>(options_.batch_capacity, options_.slab_bytes));
    free_.push_back(deliveries_.back().get());
  }
}

EngineThread::~EngineThread() { stop(); }

Result<void> EngineThread::start() {
  Result<platform::Wakeup> wakeup = platform::Wakeup::open();
  if (!wakeup.ok()) return wakeup.failure();
  wakeup_ = std::move(wakeup.value());
  const Result<void> running = thread_.start(enter, this, "connscale");
  if (!running.ok()) return running;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return started_; });
  if (start_failure_.code == 0) return {};
  lock.unlock();
  thread_.join();
  return start_failure_;
}

void EngineThread::stop() noexcept {
  if (!thread_.joinable()) return;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    wake_if_blocked(std::move(lock));
  }
  thread_.join();
}

// --- JavaScript's side ---

void EngineThread::submit(const uint8_t* records, size_t length) {
  if (length == 0) return;
  std::unique_lock lock(mutex_);
  // The engine takes its inbox whether or not JavaScript takes deliveries, so this wait ends.
  changed_.wait(lock, [this, length] { return inbox_.bytes.size() + length <= kInboxMax || stopping_ || ended_; });
  inbox_.bytes.insert(inbox_.bytes.end(), records, records + length);
  wake_if_blocked(std::move(lock));
}

void EngineThread::post(std::unique_ptr<Task> task) {
  std::unique_lock lock(mutex_);
  inbox_.tasks.push_back({inbox_.bytes.size(), std::move(task)});
  wake_if_blocked(std::move(lock));
}

Delivery* EngineThread::take_delivery() {
  const std::unique_lock lock(mutex_);
  notified_ = false;
  if (ready_.empty()) return nullptr;
  Delivery* const delivery = ready_.front();
  ready_.erase(ready_.begin());
  return delivery;
}

void EngineThread::give_back(Delivery* delivery) {
  delivery->batch.count = 0;
  delivery->acknowledgements.clear();
  const std::unique_lock lock(mutex_);
  free_.push_back(delivery);
  changed_.notify_all();
}

std::vector<std::unique_ptr<Task>> EngineThread::take_undelivered() {
  assert(!thread_.joinable());
  std::vector<std::unique_ptr<Task>> tasks = std::move(finished_);
  for (const std::unique_ptr<Delivery>& delivery : deliveries_) {
    for (std::unique_ptr<Task>& task : delivery->finished)
      tasks.push_back(std::move(task));
    delivery->finished.clear();
  }
  for (PostedTask& posted : inbox_.tasks)
    tasks.push_back(std::move(posted.task));
  inbox_.tasks.clear();
  return tasks;
}

void EngineThread::wake_if_blocked(std::unique_lock<std::mutex> lock) {
  changed_.notify_all();
  const bool blocked = std::exchange(blocked_, false);
  lock.unlock();
  // A wake that comes late is one turn too many. The wakeup is there: this is JavaScript's thread, which destroys it.
  if (blocked) wakeup_.wake();
}

// --- the engine's thread ---

void EngineThread::run() {
  const Result<void> prepared = prepare_thread();
  Engine engine(options_.engine);
  const Result<void> opened = prepared.ok() ? engine.open(&wakeup_) : prepared;
  {
    const std::unique_lock lock(mutex_);
    start_failure_ = opened.ok() ? SysError{} : opened.failure();
    started_ = true;
    changed_.notify_all();
  }
  if (opened.ok()) work(engine);
  const std::unique_lock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

Result<void> EngineThread::prepare_thread() {
  if (options_.private_descriptors) {
    std::vector<int> kept = options_.kept_descriptors;
    kept.push_back(wakeup_.descriptor());
    const Result<void> left = platform::leave_descriptor_table(kept.data(), static_cast<uint32_t>(kept.size()));
    if (!left.ok()) return left;
  }
  platform::prepare_descriptor_table(options_.descriptors_wanted);
  return {};
}

void EngineThread::work(Engine& engine) {
  while (take_inbox(&working_)) {
    carry_out(engine, working_);
    if (current_ == nullptr) current_ = free_delivery();
    if (current_ == nullptr) continue;  // take_inbox() waits for one, or for more to carry out
    bool urgent = malformed_ || !finished_.empty() || !engine.acknowledgements().empty();
    const Result<void> turned = engine.turn(!urgent && may_block() ? -1 : 0, current_->batch);
    {
      const std::unique_lock lock(mutex_);
      blocked_ = false;
    }
    urgent = urgent || has_uncompleted_news(engine.counters());
    const SysError failure = turned.ok() ? SysError{} : turned.failure();
    if (current_->batch.count > 0 || urgent || failure.code != 0) deliver(engine, failure);
    if (failure.code != 0) return;
  }
}

/// Whether something was counted that no completion tells of.
bool EngineThread::has_uncompleted_news(const Counters& counters) const noexcept {
  return counters.rejected != delivered_.rejected || counters.acceptFailures != delivered_.acceptFailures ||
         counters.acceptPauses != delivered_.acceptPauses;
}

/// False: the thread is to stop.
bool EngineThread::take_inbox(Inbox* inbox) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !inbox_.empty() || !free_.empty() || current_ != nullptr; });
  if (stopping_) return false;
  std::swap(*inbox, inbox_);
  if (!inbox->empty()) changed_.notify_all();
  return true;
}

void EngineThread::carry_out(Engine& engine, Inbox& inbox) {
  size_t done = 0;
  for (PostedTask& posted : inbox.tasks) {
    if (posted.after > done && !engine.submit(inbox.bytes.data() + done, posted.after - done)) malformed_ = true;
    done = posted.after;
    posted.task->run(engine);
    finished_.push_back(std::move(posted.task));
  }
  if (inbox.bytes.size() > done && !engine.submit(inbox.bytes.data() + done, inbox.bytes.size() - done)) {
    malformed_ = true;
  }
  inbox.bytes.clear();
  inbox.tasks.clear();
}

bool EngineThread::may_block() {
  const std::unique_lock lock(mutex_);
  blocked_ = inbox_.empty() && !stopping_;
  return blocked_;
}

Delivery* EngineThread::free_delivery() {
  const std::unique_lock lock(mutex_);
  if (free_.empty()) return nullptr;
  Delivery* const delivery = free_.back();
  free_.pop_back();
  return delivery;
}

void EngineThread::deliver(Engine& engine, SysError failure) {
  Delivery* const delivery = std::exchange(current_, nullptr);
  std::swap(delivery->acknowledgements, engine.acknowledgements());
  std::swap(delivery->finished, finished_);
  delivery->counters = delivered_ = engine.counters();
  delivery->malformed = std::exchange(malformed_, false);
  delivery->failure = failure;
  std::unique_lock lock(mutex_);
  ready_.push_back(delivery);
  notify_unless_pending(std::move(lock));
}

void EngineThread::notify_unless_pending(std::unique_lock<std::mutex> lock) {
  if (notified_) return;
  notified_ = true;
  lock.unlock();
  options_.notify();
}

}  // namespace connscale
