#include "engine/accept_policy.h"

#include <algorithm>

#include "base/limits.h"

namespace connscale {

uint32_t AcceptPolicy::room(uint32_t loop_room) const noexcept {
  const uint32_t own = config_.connections_max - std::min(open_, config_.connections_max);
  return std::min(own, loop_room);
}

uint32_t AcceptPolicy::limit(uint32_t loop_room, uint64_t now_ms) noexcept {
  if (now_ms >= retry_at_ms_) retry_at_ms_ = 0;
  uint32_t allowed = config_.batch;
  if (retry_at_ms_ != 0) {
    allowed = 0;
  } else if (config_.overload == Overload::kPause) {
    allowed = std::min(allowed, room(loop_room));
  }
  if (allowed == 0 && !paused_) ++pauses_;
  paused_ = allowed == 0;
  return allowed;
}

void AcceptPolicy::on_exhausted(uint64_t now_ms) noexcept { retry_at_ms_ = now_ms + kAcceptRetryMs; }

}  // namespace connscale
