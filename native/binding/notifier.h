// Tells JavaScript's thread, from an engine's thread, that there is something to take.
#ifndef CONNSCALE_BINDING_NOTIFIER_H_
#define CONNSCALE_BINDING_NOTIFIER_H_

#include <napi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "binding/node_watch.h"
#include "platform.h"

namespace connscale::binding {

class Notifier {
 public:
  Notifier() = default;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;
  virtual ~Notifier() = default;

  /// `notified` is called on JavaScript's thread after each notify(), or once for several. It may close the notifier.
  virtual Result<void> start(std::function<void()> notified) = 0;
  /// From the engine's thread.
  virtual void notify() = 0;
  /// Descriptors that notify() uses: a thread with a table of its own must keep them.
  [[nodiscard]] virtual std::vector<int> descriptors() const = 0;
  virtual void ref() = 0;
  virtual void unref() = 0;
  /// After the engine's thread has ended. `closed` follows on JavaScript's thread.
  virtual void close(std::function<void()> closed) = 0;
};

/// An eventfd that Node's own loop watches. Works out of a private descriptor table.
class WatchNotifier : public Notifier {
 public:
  WatchNotifier(uv_loop_s* loop, const Libuv& libuv) : watch_(loop, libuv) {}
  Result<void> start(std::function<void()> notified) override;
  void notify() override { wakeup_.wake(); }
  [[nodiscard]] std::vector<int> descriptors() const override { return {wakeup_.descriptor()}; }
  void ref() override { watch_.ref(); }
  void unref() override { watch_.unref(); }
  void close(std::function<void()> closed) override;

 private:
  platform::Wakeup wakeup_;
  NodeWatch watch_;
};

/// A threadsafe function, for hosts whose loop cannot be watched. With a courier, a thread of the main descriptor table
/// makes the call: it writes to a descriptor of Node's, and in a private table that number is somebody else's.
class FunctionNotifier : public Notifier {
 public:
  FunctionNotifier(Napi::Env env, bool with_courier) : env_(env), with_courier_(with_courier) {}
  ~FunctionNotifier() override;
  Result<void> start(std::function<void()> notified) override;
  void notify() override;
  [[nodiscard]] std::vector<int> descriptors() const override;
  void ref() override;
  void unref() override;
  void close(std::function<void()> closed) override;

 private:
  static void on_call(napi_env env, napi_value function, void* context, void* data);
  static void carry(void* self);
  void call_function() noexcept;
  void end_courier() noexcept;

  Napi::Env env_;
  bool with_courier_;
  std::function<void()> notified_;
  napi_threadsafe_function function_ = nullptr;
  platform::Wakeup wakeup_;
  platform::Thread courier_;
  std::atomic<bool> ending_ = false;
};

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_NOTIFIER_H_
