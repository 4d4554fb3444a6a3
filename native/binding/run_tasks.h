// What JavaScript asks of runs of connects.
#ifndef CONNSCALE_BINDING_RUN_TASKS_H_
#define CONNSCALE_BINDING_RUN_TASKS_H_

#include "binding/args.h"
#include "binding/driver.h"

namespace connscale::binding {

/// Starts a run. Its outcome is the run's number.
class ConnectManyTask : public SettledTask {
 public:
  explicit ConnectManyTask(Fields& fields);
  void run(Engine& engine) override { started_ = engine.start_run(std::move(plan_), &index_); }

 protected:
  Napi::Value outcome(Napi::Env env) override;

 private:
  ConnectPlan plan_;
  uint32_t index_ = 0;
  Result<void> started_ = SysError{error::kECANCELED, Call::kNone};  // before run(): the loop is closed
};

/// Stops a run. False: it has ended already.
class StopRunTask : public SettledTask {
 public:
  explicit StopRunTask(Fields& fields) : index_(fields.u32("run")) {}
  void run(Engine& engine) override { stopped_ = engine.stop_run(index_); }

 protected:
  Napi::Value outcome(Napi::Env env) override { return Napi::Boolean::New(env, stopped_); }

 private:
  uint32_t index_;
  bool stopped_ = false;
};

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_RUN_TASKS_H_
