// The owner of a descriptor. Every descriptor of this folder lives in one from the line that creates it.
#ifndef CONNSCALE_LINUX_OWNED_HANDLE_H_
#define CONNSCALE_LINUX_OWNED_HANDLE_H_

#include <cstdint>
#include <utility>

namespace connscale::platform {

class OwnedHandle {
 public:
  OwnedHandle() = default;
  explicit OwnedHandle(intptr_t fd) noexcept : fd_(static_cast<int>(fd)) {}
  OwnedHandle(OwnedHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedHandle& operator=(OwnedHandle&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  OwnedHandle(const OwnedHandle&) = delete;
  OwnedHandle& operator=(const OwnedHandle&) = delete;
  ~OwnedHandle() { reset(); }

  /// Descriptor 0 is a valid one, so there is no conversion to bool.
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

using OwnedSocket = OwnedHandle;

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_OWNED_HANDLE_H_
