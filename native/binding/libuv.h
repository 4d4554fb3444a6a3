// The few functions of libuv that the 'node' driver needs, looked up at run time: the addon links against Node-API
// alone, and a host without libuv still loads it.
#ifndef CONNSCALE_BINDING_LIBUV_H_
#define CONNSCALE_BINDING_LIBUV_H_

#include <cstddef>
#include <cstdint>

struct uv_loop_s;

namespace connscale::binding {

/// Handles are opaque: sized by uv_handle_size, touched through these functions only. Numbers and signatures are part
/// of libuv's ABI for the whole of 1.x. Source: docs/src/{poll,timer,idle,handle}.rst of libuv.
struct Libuv {
  using Handle = void;
  using PollCallback = void (*)(Handle*, int status, int events);
  using TimerCallback = void (*)(Handle*);
  using CloseCallback = void (*)(Handle*);

  size_t (*handle_size)(int type) = nullptr;
  const char* (*handle_type_name)(int type) = nullptr;
  int (*poll_init)(uv_loop_s*, Handle*, int fd) = nullptr;
  int (*poll_start)(Handle*, int events, PollCallback) = nullptr;
  int (*timer_init)(uv_loop_s*, Handle*) = nullptr;
  int (*timer_start)(Handle*, TimerCallback, uint64_t timeout_ms, uint64_t repeat_ms) = nullptr;
  int (*timer_stop)(Handle*) = nullptr;
  int (*idle_init)(uv_loop_s*, Handle*) = nullptr;
  int (*idle_start)(Handle*, TimerCallback) = nullptr;
  int (*idle_stop)(Handle*) = nullptr;
  void (*ref)(Handle*) = nullptr;
  void (*unref)(Handle*) = nullptr;
  void (*close)(Handle*, CloseCallback) = nullptr;

  static constexpr int kIdleType = 6;
  static constexpr int kPollType = 8;
  static constexpr int kTimerType = 13;
  static constexpr int kReadable = 1;

  /// False: this process lacks one of them, or they are not the libuv 1.x that they should be.
  bool load() noexcept;
};

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_LIBUV_H_
