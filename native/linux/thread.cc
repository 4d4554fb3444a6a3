#include "linux/thread.h"

#include <signal.h>

#include <cassert>

namespace connscale::platform {

namespace {

// Far more than a turn needs; a hundred threads must not reserve 8 MiB each.
constexpr size_t kStackBytes = size_t{512} << 10;

}  // namespace

Result<void> Thread::start(void (*body)(void*), void* context, const char* name) noexcept {
  assert(!running_);
  body_ = body;
  context_ = context;
  pthread_attr_t attributes;
  int code = ::pthread_attr_init(&attributes);
  if (code != 0) return SysError{code, Call::kThread};
  code = ::pthread_attr_setstacksize(&attributes, kStackBytes);
  // Signals are the application's: a new thread inherits this mask, so none is delivered here.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  const int masked = ::pthread_sigmask(SIG_SETMASK, &all, &before);
  if (code == 0) code = ::pthread_create(&thread_, &attributes, enter, this);
  if (masked == 0) ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (code != 0) return SysError{code, Call::kThread};
  running_ = true;
  ::pthread_setname_np(thread_, name);  // ignored: a name that is too long costs nothing but the name
  return {};
}

void Thread::join() noexcept {
  if (!running_) return;
  const int code = ::pthread_join(thread_, nullptr);
  assert(code == 0);  // pthread_join(3): fails only for a thread that joins itself or was joined
  (void)code;
  running_ = false;
}

void* Thread::enter(void* self) noexcept {
  auto* const thread = static_cast<Thread*>(self);
  thread->body_(thread->context_);
  return nullptr;
}

}  // namespace connscale::platform
