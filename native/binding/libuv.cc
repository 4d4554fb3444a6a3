#include "binding/libuv.h"

#include <cstring>

#include "platform.h"

namespace connscale::binding {

namespace {

template <typename Function>
bool find(Function& function, const char* name) noexcept {
  function = reinterpret_cast<Function>(platform::find_symbol(name));
  return function != nullptr;
}

}  // namespace

bool Libuv::load() noexcept {
  const bool found = find(handle_size, "uv_handle_size") && find(handle_type_name, "uv_handle_type_name") &&
                     find(poll_init, "uv_poll_init") && find(poll_start, "uv_poll_start") &&
                     find(timer_init, "uv_timer_init") && find(timer_start, "uv_timer_start") &&
                     find(timer_stop, "uv_timer_stop") && find(idle_init, "uv_idle_init") &&
                     find(idle_start, "uv_idle_start") && find(idle_stop, "uv_idle_stop") && find(ref, "uv_ref") &&
                     find(unref, "uv_unref") && find(close, "uv_close");
  if (!found) return false;
  const auto is = [this](int type, const char* name) {
    const char* const known = handle_type_name(type);
    return known != nullptr && std::strcmp(known, name) == 0;
  };
  return is(kIdleType, "idle") && is(kPollType, "poll") && is(kTimerType, "timer");
}

}  // namespace connscale::binding
