// How ill a world behaves: the chance of each thing that may happen in it, a different mixture for each seed.
#ifndef CONNSCALE_SIM_TEMPER_H_
#define CONNSCALE_SIM_TEMPER_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "sim/random.h"

namespace connscale::sim {

#define CONNSCALE_CHANCES(XX)                                                   \
  XX(Late, "a completion that could be reported waits for another turn")        \
  XX(FewEvents, "a wait reports fewer events than it was asked for")            \
  XX(LateClose, "a close is not finished at once")                              \
  XX(ShortReceive, "a receive takes less than there is")                        \
  XX(FailedReceive, "a receive fails")                                          \
  XX(ShortSend, "a send takes less than there is room for")                     \
  XX(OverlappedSend, "a send takes nothing at once and reads the slices later") \
  XX(IdleSent, "a pending send ends without having moved anything")             \
  XX(FailedSend, "a send fails")                                                \
  XX(FailedEnd, "an end fails")                                                 \
  XX(FailedConnect, "a connect fails at once")                                  \
  XX(Answer, "a peer answers a connect")                                        \
  XX(RefusedConnect, "a connect is refused by the peer")                        \
  XX(UnansweredConnect, "a connect never ends")                                 \
  XX(FailedAccept, "an accept fails")                                           \
  XX(FailedAttach, "an accepted socket cannot be watched")                      \
  XX(FailedListen, "a listen fails")                                            \
  XX(FailedArm, "a listener cannot be watched for a while")                     \
  XX(FailedShed, "nothing can be shed")                                         \
  XX(UnseenReset, "a reset is seen only by the next operation")                 \
  XX(EarlyWake, "a wait ends before its time")                                  \
  XX(Arrival, "peers connect, at each move of the network")                     \
  XX(PeerReads, "a peer reads")                                                 \
  XX(PeerSends, "a peer sends")                                                 \
  XX(PeerEnds, "a peer sends FIN")                                              \
  XX(PeerResets, "a peer sends RST")

enum class Chance : uint8_t {
#define XX(name, text) k##name,
  CONNSCALE_CHANCES(XX)
#undef XX
};

#define XX(name, text) +1
inline constexpr size_t kChances = 0 CONNSCALE_CHANCES(XX);
#undef XX

/// All zero: nothing goes wrong, and peers do only what the test tells them.
struct Temper {
  std::array<uint32_t, kChances> permille{};
  uint32_t send_buffer_bytes = 65'536;    // of each socket
  uint32_t descriptors_max = UINT32_MAX;  // beyond: EMFILE

  [[nodiscard]] uint32_t& of(Chance chance) noexcept { return permille[static_cast<size_t>(chance)]; }
};

/// Never, rarely or often, for each chance on its own: some faults show only where others are absent.
inline Temper draw_temper(Random& random) noexcept {
  Temper temper;
  const auto often = [&](uint32_t never_percent, uint32_t most) {
    return random.chance(never_percent) ? 0 : random.between(1, random.chance(50) ? most : most / 10);
  };
  for (uint32_t& permille : temper.permille)
    permille = often(40, 400);
  // What ends a connection must be rare, or none would live to see the rest.
  for (const Chance fatal : {Chance::kFailedReceive, Chance::kFailedSend, Chance::kPeerResets, Chance::kPeerEnds}) {
    temper.of(fatal) = often(50, 20);
  }
  temper.of(Chance::kArrival) = often(0, 400);
  temper.of(Chance::kAnswer) = random.between(30, 400);
  temper.of(Chance::kPeerReads) = often(20, 800);
  temper.of(Chance::kPeerSends) = often(10, 600);
  temper.send_buffer_bytes = 64U << random.below(10);
  if (random.chance(30)) temper.descriptors_max = random.between(3, 12);
  return temper;
}

/// How often each came true, so that a test can tell that it tested something.
using Tally = std::array<uint64_t, kChances>;

inline const char* chance_text(size_t chance) noexcept {
  constexpr const char* kTexts[] = {
#define XX(name, text) text,
      CONNSCALE_CHANCES(XX)
#undef XX
  };
  return kTexts[chance];
}

}  // namespace connscale::sim

#endif  // CONNSCALE_SIM_TEMPER_H_
