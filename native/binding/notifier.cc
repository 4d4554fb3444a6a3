#include "binding/notifier.h"

#include <utility>

namespace connscale::binding {

Result<void> WatchNotifier::start(std::function<void()> notified) {
  Result<platform::Wakeup> wakeup = platform::Wakeup::open();
  if (!wakeup.ok()) return wakeup.failure();
  wakeup_ = std::move(wakeup.value());
  return watch_.start(wakeup_.descriptor(), [this, notified = std::move(notified)] {
    wakeup_.clear();
    notified();
  });
}

void WatchNotifier::close(std::function<void()> closed) { watch_.close(std::move(closed)); }

FunctionNotifier::~FunctionNotifier() { end_courier(); }

Result<void> FunctionNotifier::start(std::function<void()> notified) {
  notified_ = std::move(notified);
  const Napi::String name = Napi::String::New(env_, "connscale.Loop");
  // One call may wait: it says "look", and looking takes all there is.
  const napi_status made =
      napi_create_threadsafe_function(env_, nullptr, nullptr, name, 1, 1, nullptr, nullptr, this, on_call, &function_);
  if (made != napi_ok) return SysError{error::kENOMEM, Call::kThread};
  if (!with_courier_) return {};
  Result<platform::Wakeup> wakeup = platform::Wakeup::open();
  if (!wakeup.ok()) return wakeup.failure();
  wakeup_ = std::move(wakeup.value());
  return courier_.start(carry, this, "connscale-post");
}

void FunctionNotifier::notify() {
  if (with_courier_) {
    wakeup_.wake();
  } else {
    call_function();
  }
}

void FunctionNotifier::call_function() noexcept {
  // ignored: napi_queue_full means that a call is waiting already; napi_closing, that nobody is left to be told.
  (void)napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

std::vector<int> FunctionNotifier::descriptors() const {
  return with_courier_ ? std::vector<int>{wakeup_.descriptor()} : std::vector<int>{};
}

void FunctionNotifier::on_call(napi_env env, napi_value /*function*/, void* context, void* /*data*/) {
  if (env == nullptr) return;
  // A copy: the call may close the notifier, and a function must outlive its own call.
  const std::function<void()> notified = static_cast<FunctionNotifier*>(context)->notified_;
  if (notified) notified();
}

void FunctionNotifier::carry(void* self) {
  auto* const notifier = static_cast<FunctionNotifier*>(self);
  while (true) {
    notifier->wakeup_.wait();
    if (notifier->ending_.load()) return;
    notifier->call_function();
  }
}

void FunctionNotifier::ref() { (void)napi_ref_threadsafe_function(env_, function_); }      // ignored: cannot fail
void FunctionNotifier::unref() { (void)napi_unref_threadsafe_function(env_, function_); }  // ignored: cannot fail

void FunctionNotifier::end_courier() noexcept {
  if (!courier_.joinable()) return;
  ending_.store(true);
  wakeup_.wake();
  courier_.join();
}

void FunctionNotifier::close(std::function<void()> closed) {
  end_courier();
  notified_ = {};
  if (function_ != nullptr) {
    // ignored: it fails only for a function released before.
    (void)napi_release_threadsafe_function(std::exchange(function_, nullptr), napi_tsfn_abort);
  }
  if (closed) closed();
}

}  // namespace connscale::binding
