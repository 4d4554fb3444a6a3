// The owner of a socket of the world.
#ifndef CONNSCALE_SIM_OWNED_HANDLE_H_
#define CONNSCALE_SIM_OWNED_HANDLE_H_

#include <cstdint>
#include <utility>

namespace connscale::platform {

class OwnedSocket {
 public:
  OwnedSocket() = default;
  explicit OwnedSocket(intptr_t number) noexcept : number_(static_cast<int32_t>(number)) {}
  OwnedSocket(OwnedSocket&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  OwnedSocket& operator=(OwnedSocket&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  OwnedSocket(const OwnedSocket&) = delete;
  OwnedSocket& operator=(const OwnedSocket&) = delete;
  ~OwnedSocket() { reset(); }

  [[nodiscard]] bool valid() const noexcept { return number_ >= 0; }
  /// The number of the world's socket.
  [[nodiscard]] uint32_t get() const noexcept { return static_cast<uint32_t>(number_); }
  void reset() noexcept;

 private:
  int32_t number_ = -1;
};

}  // namespace connscale::platform

#endif  // CONNSCALE_SIM_OWNED_HANDLE_H_
