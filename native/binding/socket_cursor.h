// A walk through the socket table that JavaScript takes step by step: native code reads on only when it is asked to.
#ifndef CONNSCALE_BINDING_SOCKET_CURSOR_H_
#define CONNSCALE_BINDING_SOCKET_CURSOR_H_

#include <napi.h>

#include <memory>
#include <optional>

#include "base/socket_query.h"
#include "binding/socket_rows.h"
#include "platform.h"

namespace connscale::binding {

/// What a step works on. The step under way holds it as well, so that closing, or collecting, the cursor meanwhile
/// takes nothing away from under it.
struct CursorState {
  SocketQuery query;
  std::optional<platform::SocketDump> dump;  // opened by the first step
  SocketRows rows{0};
  bool ended = false;
  bool busy = false;  // JavaScript's thread only
};

class SocketCursor : public Napi::ObjectWrap<SocketCursor> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit SocketCursor(const Napi::CallbackInfo& info);

 private:
  /// next(rowsMax, settled): the next rows in an ArrayBuffer, or a failure. None: that was all. One at a time.
  Napi::Value next(const Napi::CallbackInfo& info);
  /// Gives up the kernel's side at once, or when the step under way has ended.
  void close(const Napi::CallbackInfo& info);

  std::shared_ptr<CursorState> state_;
};

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_SOCKET_CURSOR_H_
