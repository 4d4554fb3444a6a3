// Watches a descriptor, and a time, in Node's own event loop.
#ifndef CONNSCALE_BINDING_NODE_WATCH_H_
#define CONNSCALE_BINDING_NODE_WATCH_H_

#include <functional>
#include <memory>

#include "base/result.h"
#include "binding/libuv.h"

namespace connscale::binding {

class NodeWatch {
 public:
  NodeWatch(uv_loop_s* loop, const Libuv& libuv) noexcept;
  NodeWatch(const NodeWatch&) = delete;
  NodeWatch& operator=(const NodeWatch&) = delete;
  ~NodeWatch();

  /// Calls `ready` on the loop's thread whenever `fd` is readable or the time set below has come. Not referenced at
  /// first: it does not keep the process alive.
  Result<void> start(int fd, std::function<void()> ready);
  /// 0: in the next turn of Node's loop. -1: no time is due.
  void set_timer(int32_t timeout_ms) noexcept;
  void ref() noexcept;
  void unref() noexcept;
  /// Stops at once. libuv lets go of the handles a turn later, and then `closed` is called.
  void close(std::function<void()> closed);

 private:
  struct State;

  uv_loop_s* loop_;
  Libuv libuv_;
  State* state_ = nullptr;
};

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_NODE_WATCH_H_
