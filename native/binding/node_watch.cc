#include "binding/node_watch.h"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace connscale::binding {

namespace {

// libuv's callbacks receive the handle alone, so what it belongs to stands in front of it.
constexpr size_t kHeadBytes = alignof(std::max_align_t);

Libuv::Handle* allocate_handle(size_t size, void* owner) noexcept {
  auto* const memory = static_cast<uint8_t*>(std::calloc(1, kHeadBytes + size));
  if (memory == nullptr) return nullptr;
  *reinterpret_cast<void**>(memory) = owner;
  return memory + kHeadBytes;
}

uint8_t* memory_of(Libuv::Handle* handle) noexcept { return static_cast<uint8_t*>(handle) - kHeadBytes; }

}  // namespace

/// Lives until libuv has let go of both handles, which may be after the NodeWatch.
struct NodeWatch::State {
  Libuv libuv;
  Libuv::Handle* poll = nullptr;
  Libuv::Handle* timer = nullptr;
  std::function<void()> ready;
  std::function<void()> closed;
  int open_handles = 0;
  bool closing = false;

  static State& of(Libuv::Handle* handle) noexcept { return **reinterpret_cast<State**>(memory_of(handle)); }
  // A status other than 0 means that the descriptor is bad; the turn that follows meets the error itself.
  static void on_poll(Libuv::Handle* handle, int /*status*/, int /*events*/) { of(handle).on_ready(); }
  static void on_timer(Libuv::Handle* handle) { of(handle).on_ready(); }
  static void on_close(Libuv::Handle* handle);

  // A call of ready() may close the watch: the function must outlive it, so it is not cleared then.
  void on_ready() const {
    if (!closing) ready();
  }
};

void NodeWatch::State::on_close(Libuv::Handle* handle) {
  State* const state = &of(handle);
  std::free(memory_of(handle));
  if (--state->open_handles > 0) return;
  if (state->closed) state->closed();
  delete state;
}

NodeWatch::NodeWatch(uv_loop_s* loop, const Libuv& libuv) noexcept : loop_(loop), libuv_(libuv) {}

NodeWatch::~NodeWatch() { close({}); }

Result<void> NodeWatch::start(int fd, std::function<void()> ready) {
  assert(state_ == nullptr);
  auto state = std::make_unique<State>();
  state->libuv = libuv_;
  state->ready = std::move(ready);
  Libuv::Handle* const poll = allocate_handle(libuv_.handle_size(Libuv::kPollType), state.get());
  Libuv::Handle* const timer = allocate_handle(libuv_.handle_size(Libuv::kTimerType), state.get());
  const bool allocated = poll != nullptr && timer != nullptr;
  const int code = allocated ? libuv_.poll_init(loop_, poll, fd) : -error::kENOMEM;
  if (code != 0) {
    if (poll != nullptr) std::free(memory_of(poll));
    if (timer != nullptr) std::free(memory_of(timer));
    return SysError{-code, Call::kPollerControl};
  }
  const int timed = libuv_.timer_init(loop_, timer);
  assert(timed == 0);  // uv_timer_init cannot fail
  (void)timed;
  state->poll = poll;
  state->timer = timer;
  state->open_handles = 2;
  state_ = state.release();
  libuv_.unref(poll);
  libuv_.unref(timer);
  const int started = libuv_.poll_start(poll, Libuv::kReadable, State::on_poll);
  if (started == 0) return {};
  close({});
  return SysError{-started, Call::kPollerControl};
}

void NodeWatch::set_timer(int32_t timeout_ms) noexcept {
  if (state_ == nullptr) return;
  const int code = timeout_ms < 0
                       ? libuv_.timer_stop(state_->timer)
                       : libuv_.timer_start(state_->timer, State::on_timer, static_cast<uint64_t>(timeout_ms), 0);
  assert(code == 0);  // fails only for a handle that is closing
  (void)code;
}

void NodeWatch::ref() noexcept {
  if (state_ != nullptr) libuv_.ref(state_->poll);
}

void NodeWatch::unref() noexcept {
  if (state_ != nullptr) libuv_.unref(state_->poll);
}

void NodeWatch::close(std::function<void()> closed) {
  State* const state = std::exchange(state_, nullptr);
  if (state == nullptr) {
    if (closed) closed();
    return;
  }
  state->closing = true;
  state->closed = std::move(closed);
  libuv_.close(state->poll, State::on_close);
  libuv_.close(state->timer, State::on_close);
}

}  // namespace connscale::binding
