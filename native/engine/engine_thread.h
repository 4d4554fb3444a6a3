// A thread that owns an engine, and the two queues between it and JavaScript's thread.
//
// Nothing that JavaScript can write to is read here: submissions are copied in, batches are copied out.
#ifndef CONNSCALE_ENGINE_ENGINE_THREAD_H_
#define CONNSCALE_ENGINE_ENGINE_THREAD_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/engine.h"

namespace connscale {

/// A question or order that is too rich for the submission ring. Runs on the engine's thread, ends on JavaScript's.
class Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;
  virtual void run(Engine& engine) = 0;
};

/// What crosses to JavaScript at once.
struct Delivery {
  explicit Delivery(uint32_t batch_capacity, uint32_t slab_bytes);

  std::vector<Completion> completions;
  std::vector<uint8_t> slab;
  Batch batch;
  std::vector<Acknowledgement> acknowledgements;
  std::vector<std::unique_ptr<Task>> finished;  // before the completions, and after those of earlier deliveries
  Counters counters;
  SysError failure;        // the loop is broken and this is its last delivery
  bool malformed = false;  // a submission made no sense
};

class EngineThread {
 public:
  struct Options {
    EngineConfig engine;
    uint32_t batch_capacity = 0;
    uint32_t slab_bytes = 0;
    bool private_descriptors = false;
    std::vector<int> kept_descriptors;  // what the notifier needs, besides the wakeup
    uint32_t descriptors_wanted = 0;
    std::function<void()> notify;  // called on the engine's thread when there is something to take
  };

  explicit EngineThread(Options options);
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;
  ~EngineThread();

  /// Returns when the engine is open. Errors: of eventfd, close_range, epoll_create1; EAGAIN when no thread can start.
  Result<void> start();
  /// Ends the thread and closes what its engine holds.
  void stop() noexcept;

  // JavaScript's side:
  /// Copies records for the engine. Waits while kInboxMax bytes are on their way already.
  void submit(const uint8_t* records, size_t length);
  void post(std::unique_ptr<Task> task);
  /// The oldest delivery, or null; to be given back when it has been read.
  Delivery* take_delivery();
  void give_back(Delivery* delivery);
  /// After stop(): the tasks whose end was not delivered, whether or not they ran.
  std::vector<std::unique_ptr<Task>> take_undelivered();

 private:
  struct PostedTask {
    size_t after;  // bytes of the inbox that come before it
    std::unique_ptr<Task> task;
  };
  struct Inbox {
    std::vector<uint8_t> bytes;
    std::vector<PostedTask> tasks;
    [[nodiscard]] bool empty() const noexcept { return bytes.empty() && tasks.empty(); }
  };

  static void enter(void* self) { static_cast<EngineThread*>(self)->run(); }
  void run();
  Result<void> prepare_thread();
  void work(Engine& engine);
  bool take_inbox(Inbox* inbox);
  void carry_out(Engine& engine, Inbox& inbox);
  [[nodiscard]] bool has_uncompleted_news(const Counters& counters) const noexcept;
  bool may_block();
  Delivery* free_delivery();
  void deliver(Engine& engine, SysError failure);
  void notify_unless_pending(std::unique_lock<std::mutex> lock);
  void wake_if_blocked(std::unique_lock<std::mutex> lock);

  Options options_;
  platform::Wakeup wakeup_;
  platform::Thread thread_;

  // The engine's thread only.
  Inbox working_;
  Delivery* current_ = nullptr;
  std::vector<std::unique_ptr<Task>> finished_;
  bool malformed_ = false;
  Counters delivered_;  // as JavaScript knows them

  std::mutex mutex_;
  std::condition_variable changed_;  // started, inbox taken, delivery given back, stop
  // Guarded by mutex_.
  Inbox inbox_;
  std::vector<std::unique_ptr<Delivery>> deliveries_;
  std::vector<Delivery*> free_;
  std::vector<Delivery*> ready_;  // oldest first
  SysError start_failure_;
  bool started_ = false;
  bool stopping_ = false;
  bool ended_ = false;     // nobody takes the inbox any more
  bool blocked_ = false;   // in the kernel, or about to be: it needs a wake
  bool notified_ = false;  // JavaScript knows already that there is something to take
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_ENGINE_THREAD_H_
