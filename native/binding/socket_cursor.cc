#include "binding/socket_cursor.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "binding/args.h"
#include "binding/system_queries.h"

namespace connscale::binding {

namespace {

class StepQuery : public SystemQuery {
 public:
  StepQuery(std::shared_ptr<CursorState> state, const Napi::Function& settled)
      : SystemQuery(settled), state_(std::move(state)) {}

 protected:
  void run() override {
    result_ = open();
    if (result_.ok()) result_ = take();
    // The descriptor is not needed any longer than this, whenever JavaScript looks.
    if (state_->ended || !result_.ok()) state_->dump.reset();
  }

  Napi::Value outcome(Napi::Env env) override {
    state_->busy = false;
    if (!result_.ok()) return to_object(env, result_.failure());
    return copy_bytes(env, state_->rows.data(), state_->rows.bytes());
  }

 private:
  Result<void> open() {
    if (state_->ended || state_->dump.has_value()) return {};
    Result<platform::SocketDump> opened = platform::SocketDump::open(std::move(state_->query));
    if (!opened.ok()) {
      state_->ended = true;
      return opened.failure();
    }
    state_->dump.emplace(std::move(opened.value()));
    return {};
  }

  Result<void> take() {
    SocketRow row;
    while (!state_->ended && !state_->rows.full()) {
      const Result<bool> next = state_->dump->next(&row);
      if (!next.ok() || !next.value()) state_->ended = true;
      if (!next.ok()) return next.failure();
      if (next.value()) state_->rows.add(row);
    }
    return {};
  }

  std::shared_ptr<CursorState> state_;
  Result<void> result_ = SysError{error::kECANCELED, Call::kNone};
};

}  // namespace

Napi::Function SocketCursor::define(Napi::Env env) {
  return DefineClass(env, "SocketCursor",
                     {InstanceMethod<&SocketCursor::next>("next"), InstanceMethod<&SocketCursor::close>("close")});
}

SocketCursor::SocketCursor(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<SocketCursor>(info), state_(std::make_shared<CursorState>()) {
  Fields fields(info.Env(), info[0]);
  state_->query = read_query(fields);
}

Napi::Value SocketCursor::next(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const bool typed = info[0].IsNumber() && info[1].IsFunction();
  if (!typed || state_ == nullptr || state_->busy) {
    Napi::TypeError::New(env, "next takes a number and a function, of an open cursor, one call at a time")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const uint32_t wanted = info[0].As<Napi::Number>().Uint32Value();
  state_->rows.restart(std::clamp<uint32_t>(wanted, 1, kSocketBatchMax));
  state_->busy = true;
  SystemQuery::start(std::make_unique<StepQuery>(state_, info[1].As<Napi::Function>()));
  return env.Undefined();
}

void SocketCursor::close(const Napi::CallbackInfo& /*info*/) { state_.reset(); }

}  // namespace connscale::binding
