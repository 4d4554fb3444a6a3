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

/// Lives until libuv has let go of all handles, which may be after the NodeWatch.
struct NodeWatch::State {
  Libuv libuv;
  Libuv::Handle* poll = nullptr;
  Libuv::Handle* timer = nullptr;
  Libuv::Handle* idle = nullptr;
  std::function<void()> ready;
  std::function<void()> closed;
  int open_handles = 0;
  bool closing = false;

  static State& of(Libuv::Handle* handle) noexcept { return **reinterpret_cast<State**>(memory_of(handle)); }
  // A status other than 0 means that the descriptor is bad; the turn that follows meets the error itself.
  static void on_poll(Libuv::Handle* handle, int /*status*/, int /*events*/) { of(handle).on_ready(); }
  static void on_timer(Libuv::Handle* handle) { of(handle).on_ready(); }
  static void on_idle(Libuv::Handle* handle) {
    State& state = of(handle);
    state.libuv.idle_stop(handle);
    state.on_ready();
  }
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
  state->poll = allocate_handle(libuv_.handle_size(Libuv::kPollType), state.get());
  state->timer = allocate_handle(libuv_.handle_size(Libuv::kTimerType), state.get());
  state->idle = allocate_handle(libuv_.handle_size(Libuv::kIdleType), state.get());
  const bool allocated = state->poll != nullptr && state->timer != nullptr && state->idle != nullptr;
  const int code = allocated ? libuv_.poll_init(loop_, state->poll, fd) : -error::kENOMEM;
  if (code != 0) {
    for (Libuv::Handle* const handle : {state->poll, state->timer, state->idle}) {
      if (handle != nullptr) std::free(memory_of(handle));
    }
    return SysError{-code, Call::kPollerControl};
  }
  const int others = libuv_.timer_init(loop_, state->timer) | libuv_.idle_init(loop_, state->idle);
  assert(others == 0);  // neither can fail
  (void)others;
  state->open_handles = 3;
  state_ = state.release();
  for (Libuv::Handle* const handle : {state_->poll, state_->timer, state_->idle})
    libuv_.unref(handle);
  const int started = libuv_.poll_start(state_->poll, Libuv::kReadable, State::on_poll);
  if (started == 0) return {};
  close({});
  return SysError{-started, Call::kPollerControl};
}

void NodeWatch::set_timer(int32_t timeout_ms) noexcept {
  if (state_ == nullptr) return;
  int code = timeout_ms > 0 ? libuv_.timer_start(state_->timer, State::on_timer, static_cast<uint64_t>(timeout_ms), 0)
                            : libuv_.timer_stop(state_->timer);
  // Not a timer of 0 ms: one that is set again in its own callback comes round before anything else has its turn.
  code |= timeout_ms == 0 ? libuv_.idle_start(state_->idle, State::on_idle) : libuv_.idle_stop(state_->idle);
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
  libuv_.close(state->idle, State::on_close);
}

}  // namespace connscale::binding
