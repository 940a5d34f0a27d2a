/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-spawn.c: a milter that we start: until it negotiates, while it works, until nothing of it is left.
 */
#include "tool-spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool-console.h"
#include "tool-guard.h"
#include "tool-launch.h"
#include "tool-process.h"
#include "tool-sanitizer.h"
#include "tool-source.h"

/* The first process of a milter that goes into the background ends before the socket is there. */
#define BACKGROUND_US (2 * G_TIME_SPAN_SECOND)
/* between SIGTERM and SIGKILL for helpers whose milter has ended, and how often they are looked at */
#define HELPERS_US      (500 * G_TIME_SPAN_MILLISECOND)
#define HELPERS_LOOK_US (5 * G_TIME_SPAN_MILLISECOND)
/* after SIGTERM, the first knock; each further one waits three times as long */
#define FIRST_KNOCK_US (5 * G_TIME_SPAN_MILLISECOND)
/* of a program that prints faster than we read, no more is read in one turn */
#define MAX_DRAIN (4u << 20)

typedef enum
{
  STATE_IDLE,     /* nothing of it runs */
  STATE_STARTING, /* it runs and is probed */
  STATE_READY,    /* it has negotiated */
  STATE_STOPPING, /* it was told to end */
  STATE_CLEARING  /* it has ended; helpers of it may run */
} State;

struct _ToolSpawn
{
  char *label;
  char **argv;
  char *folder, *dir, *spec;
  gint64 timeout_us, grace_us;
  const ToolSpawnHandlers *handlers;
  gpointer user_data;

  State state;
  pid_t pid;
  pid_t group; /* 0: nothing of it is left */
  int output_fd, exit_fd; /* -1: none */
  GSource *exit_source, *output_source, *clock;
  ToolProbe *probe; /* (nullable) */
  ToolOutput *output;
  ToolSanitizer *sanitizer;

  bool in_background;    /* its first process has ended well, and it was not ready */
  bool told_to_end;      /* tool_spawn_stop(): the handler is to be called */
  bool killed;           /* SIGKILL was sent */
  char *start_problem;   /* (nullable) why the start has failed */
  GString *problem;      /* what nobody took */
  char *note;            /* (nullable) the same */
  bool has_core;
  gint64 deadline_us;    /* of the state */
  gint64 knock_wait_us;
};

/* of pid_t: first processes that were not waited for */
static GArray *running;
/* how many milters there are of which something may run */
static guint n_active;

static void
add_running (pid_t pid)
{
  if (running == NULL)
    running = g_array_new (FALSE, FALSE, sizeof (pid_t));
  g_array_append_val (running, pid);
}

static void
remove_running (pid_t pid)
{
  for (guint i = 0; i < running->len; i++)
    {
      if (g_array_index (running, pid_t, i) == pid)
        {
          g_array_remove_index_fast (running, i);
          return;
        }
    }
}

static void begin_stop (ToolSpawn *spawn);
static void fail_start (ToolSpawn *spawn, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* --- what it prints --------------------------------------------------------------------------- */

static void
close_output (ToolSpawn *spawn)
{
  g_clear_pointer (&spawn->output_source, tool_source_free);
  if (spawn->output_fd >= 0)
    close (spawn->output_fd);
  spawn->output_fd = -1;
}

static void
close_exit (ToolSpawn *spawn)
{
  g_clear_pointer (&spawn->exit_source, tool_source_free);
  if (spawn->exit_fd >= 0)
    close (spawn->exit_fd);
  spawn->exit_fd = -1;
}

/* one read; FALSE: there is no more now */
static bool
read_output (ToolSpawn *spawn, gsize *n_read)
{
  char buffer[65536];
  gssize n;

  if (spawn->output_fd < 0)
    return false;
  n = read (spawn->output_fd, buffer, sizeof buffer);
  if (n < 0 && errno == EINTR)
    return true;
  if (n > 0)
    {
      tool_output_append (spawn->output, milter_bytes (buffer, (gsize) n));
      *n_read += (gsize) n;
      return true;
    }
  if (n == 0)
    close_output (spawn);
  return false;
}

static void
drain (ToolSpawn *spawn)
{
  gsize n = 0;

  while (n < MAX_DRAIN && read_output (spawn, &n))
    ;
}

static gboolean
on_output (int fd, GIOCondition condition, gpointer user_data)
{
  gsize n = 0;

  read_output (user_data, &n);
  return G_SOURCE_CONTINUE;
}

/* --- what is told ----------------------------------------------------------------------------- */

static void G_GNUC_PRINTF (2, 3)
add_problem (ToolSpawn *spawn, const char *format, ...)
{
  va_list arguments;

  if (spawn->problem->len > 0)
    g_string_append_c (spawn->problem, '\n');
  va_start (arguments, format);
  g_string_append_vprintf (spawn->problem, format, arguments);
  va_end (arguments);
}

/* `PROGRAM was killed by signal 11 (Segmentation fault)`, and where the core lies */
static void
add_end (ToolSpawn *spawn, int status, const char *when)
{
  g_autofree char *how = tool_process_describe_status (status);
  g_autofree char *core = NULL;

  if (WIFSIGNALED (status) && WCOREDUMP (status))
    {
      core = tool_process_describe_core (spawn->pid, spawn->folder);
      spawn->has_core = true;
    }
  add_problem (spawn,
               "%s %s%s%s%s",
               spawn->label,
               how,
               when,
               core != NULL ? "; " : "",
               core != NULL ? core : "");
}

char *
tool_spawn_take_problem (ToolSpawn *spawn)
{
  g_autofree char *report = NULL;
  char *logged;
  char *problem;

  drain (spawn);
  report = tool_output_take_report (spawn->output);
  if (report != NULL)
    add_problem (spawn, "%s was told off by a sanitizer: %s", spawn->label, report);
  while ((logged = tool_sanitizer_take_log (spawn->sanitizer, spawn->output)) != NULL)
    {
      add_problem (spawn, "%s was told off by a sanitizer: %s", spawn->label, logged);
      g_free (logged);
    }
  if (spawn->problem->len == 0)
    return NULL;
  problem = g_strndup (spawn->problem->str, spawn->problem->len);
  g_string_truncate (spawn->problem, 0);
  return problem;
}

char *
tool_spawn_take_note (ToolSpawn *spawn)
{
  return g_steal_pointer (&spawn->note);
}

gboolean
tool_spawn_has_evidence (const ToolSpawn *spawn)
{
  return spawn->has_core || tool_sanitizer_has_logs (spawn->sanitizer);
}

ToolOutput *
tool_spawn_get_output (ToolSpawn *spawn)
{
  drain (spawn);
  return spawn->output;
}

/* --- how it ends ------------------------------------------------------------------------------ */

/* nothing of it is left */
static void
finish (ToolSpawn *spawn)
{
  g_autofree char *problem = g_steal_pointer (&spawn->start_problem);
  bool told_to_end = spawn->told_to_end;

  drain (spawn);
  close_output (spawn);
  if (spawn->group != 0)
    {
      tool_guard_forget_group (spawn->group);
      n_active--;
    }
  spawn->group = 0;
  spawn->state = STATE_IDLE;
  spawn->told_to_end = false;
  tool_clock_set (spawn->clock, -1);
  if (problem != NULL)
    spawn->handlers->started (spawn, /* negotiated= */ NULL, problem, spawn->user_data);
  else if (!told_to_end)
    spawn->handlers->died (spawn, spawn->user_data);
  if (told_to_end)
    spawn->handlers->stopped (spawn, spawn->user_data);
}

/* Those of its group, and those that have left the group: known by their environment, or, if it is the
 * only milter that we have started, by having become our children. */
static guint
signal_helpers (ToolSpawn *spawn, int signal_number)
{
  guint n = 0;

  if (n_active == 1)
    n += tool_process_signal_orphans (running, signal_number);
  else
    tool_process_signal_orphans (running, 0);
  if (kill (-spawn->group, signal_number) == 0)
    n++;
  return n + tool_guard_signal_marked (TOOL_LAUNCH_SOCKET, spawn->spec, signal_number);
}

static void
begin_clearing (ToolSpawn *spawn)
{
  spawn->state = STATE_CLEARING;
  spawn->deadline_us = g_get_monotonic_time () + HELPERS_US;
  if (signal_helpers (spawn, SIGTERM) == 0)
    finish (spawn);
  else
    tool_clock_set (spawn->clock, g_get_monotonic_time () + HELPERS_LOOK_US);
}

/* Its first process has ended, and can be waited for. */
static void
on_exited (ToolSpawn *spawn)
{
  int status = 0;
  bool ended_well;

  drain (spawn);
  waitpid (spawn->pid, &status, 0);
  remove_running (spawn->pid);
  close_exit (spawn);
  ended_well = WIFEXITED (status) && WEXITSTATUS (status) == 0;
  switch (spawn->state)
    {
    case STATE_STARTING:
      if (ended_well)
        {
          spawn->in_background = true;
          /* something of it may still go on; 0 asks, and sends nothing */
          if (signal_helpers (spawn, 0) > 0)
            tool_clock_set (spawn->clock, g_get_monotonic_time () + BACKGROUND_US);
          else
            fail_start (spawn, "%s exited with status 0 before it negotiated", spawn->label);
          return;
        }
      add_end (spawn, status, " before it negotiated");
      spawn->start_problem = tool_spawn_take_problem (spawn);
      g_clear_pointer (&spawn->probe, tool_probe_free);
      break;
    case STATE_READY:
      add_end (spawn, status, "");
      break;
    case STATE_STOPPING:
      /* the shell's way of telling SIGTERM */
      if (!ended_well && !(WIFEXITED (status) && WEXITSTATUS (status) == 128 + SIGTERM)
          && !(WIFSIGNALED (status) && (WTERMSIG (status) == SIGTERM || spawn->killed)))
        add_end (spawn, status, " when it was told to end (SIGTERM)");
      break;
    case STATE_IDLE:
    case STATE_CLEARING:
      break;
    }
  begin_clearing (spawn);
}

static gboolean
on_exit_fd (int fd, GIOCondition condition, gpointer user_data)
{
  on_exited (user_data);
  return G_SOURCE_CONTINUE;
}

/* --- the start -------------------------------------------------------------------------------- */

static void
fail_start (ToolSpawn *spawn, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  spawn->start_problem = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_clear_pointer (&spawn->probe, tool_probe_free);
  if (spawn->in_background)
    begin_clearing (spawn);
  else
    begin_stop (spawn);
}

/* whether its command says where it shall listen; of a place over TCP it does, by naming $port */
static bool
is_told_where (const ToolSpawn *spawn)
{
  for (char **word = spawn->argv; *word != NULL; word++)
    {
      if (strstr (*word, spawn->dir) != NULL)
        return true;
    }
  return !g_str_has_prefix (spawn->spec, "unix:");
}

/* It did not become ready in time: what is known of it. */
static void
fail_late (ToolSpawn *spawn, const char *obstacle)
{
  g_autofree char *listeners = tool_process_describe_listeners (spawn->group);
  g_autofree char *duration = tool_format_duration (spawn->timeout_us);

  fail_start (spawn,
              "%s did not negotiate on %s within %s: %s%s%s%s",
              spawn->label,
              spawn->spec,
              duration,
              obstacle,
              listeners != NULL ? "; it listens on " : "; it listens nowhere",
              listeners != NULL ? listeners : "",
              is_told_where (spawn) ? "" : " (its command does not name $socket)");
}

static void
on_probed (const ToolNegotiated *negotiated, const GError *error, gpointer user_data)
{
  ToolSpawn *spawn = user_data;

  if (error != NULL)
    {
      if (g_error_matches (error, TOOL_PROBE_ERROR, TOOL_PROBE_ERROR_NOT_YET))
        fail_late (spawn, error->message);
      else
        fail_start (spawn, "%s is no milter that can be tested: %s", spawn->label, error->message);
      return;
    }
  if (spawn->in_background)
    {
      fail_start (spawn,
                  "%s went into the background, where its end cannot be seen: start it in the "
                  "foreground (often -f, or `Background no` in its configuration)",
                  spawn->label);
      return;
    }
  g_clear_pointer (&spawn->probe, tool_probe_free);
  spawn->state = STATE_READY;
  tool_clock_set (spawn->clock, -1);
  spawn->handlers->started (spawn, negotiated, /* problem= */ NULL, spawn->user_data);
}

void
tool_spawn_start (ToolSpawn *spawn)
{
  g_autoptr (GError) error = NULL;
  ToolLaunch launch = { 0 };
  ToolLaunched launched;

  g_assert (spawn->state == STATE_IDLE);
  spawn->state = STATE_STARTING;
  spawn->in_background = false;
  spawn->killed = false;
  spawn->told_to_end = false;
  launch.argv = (const char *const *) spawn->argv;
  launch.folder = spawn->folder;
  launch.dir = spawn->dir;
  launch.spec = spawn->spec;
  launch.sanitizer = spawn->sanitizer;
  tool_launch_clear_place (spawn->spec);
  if (!tool_launch (&launch, &launched, &error))
    {
      spawn->start_problem = g_strdup (error->message);
      spawn->state = STATE_CLEARING;
      tool_clock_set (spawn->clock, 0);
      return;
    }
  spawn->pid = launched.pid;
  spawn->group = launched.pid;
  add_running (launched.pid);
  spawn->output_fd = launched.output_fd;
  spawn->exit_fd = launched.exit_fd;
  n_active++;
  tool_guard_add_group (spawn->group);
  tool_sanitizer_set_pid (spawn->sanitizer, spawn->pid);
  spawn->output_source = tool_reader_new (spawn->output_fd, on_output, spawn);
  spawn->exit_source = tool_reader_new (spawn->exit_fd, on_exit_fd, spawn);
  spawn->probe = tool_probe_new (
      spawn->spec, g_get_monotonic_time () + spawn->timeout_us, on_probed, spawn);
}

/* --- the stop --------------------------------------------------------------------------------- */

static void
begin_stop (ToolSpawn *spawn)
{
  gint64 now_us = g_get_monotonic_time ();

  spawn->state = STATE_STOPPING;
  spawn->deadline_us = now_us + spawn->grace_us;
  spawn->knock_wait_us = FIRST_KNOCK_US;
  kill (-spawn->group, SIGTERM);
  tool_clock_set (spawn->clock, MIN (now_us + spawn->knock_wait_us, spawn->deadline_us));
}

void
tool_spawn_stop (ToolSpawn *spawn)
{
  spawn->told_to_end = true;
  switch (spawn->state)
    {
    case STATE_IDLE:
      spawn->state = STATE_CLEARING;
      tool_clock_set (spawn->clock, 0);
      break;
    case STATE_STARTING:
      fail_start (spawn, "%s was told to end before it was ready", spawn->label);
      break;
    case STATE_READY:
      begin_stop (spawn);
      break;
    case STATE_STOPPING:
    case STATE_CLEARING:
      break;
    }
}

/* libmilter asks whether it shall end when somebody connects, or else every five seconds */
static void
knock_again (ToolSpawn *spawn, gint64 now_us)
{
  tool_knock (spawn->spec);
  spawn->knock_wait_us *= 3;
  tool_clock_set (spawn->clock, MIN (now_us + spawn->knock_wait_us, spawn->deadline_us));
}

static void
kill_now (ToolSpawn *spawn)
{
  g_autofree char *duration = tool_format_duration (spawn->grace_us);

  if (spawn->grace_us > 0)
    {
      g_free (spawn->note);
      spawn->note = g_strdup_printf (
          "%s did not end within %s after SIGTERM, and was killed", spawn->label, duration);
    }
  spawn->killed = true;
  kill (-spawn->group, SIGKILL);
}

static gboolean
on_clock (gpointer user_data)
{
  ToolSpawn *spawn = user_data;
  gint64 now_us = g_get_monotonic_time ();

  tool_clock_set (spawn->clock, -1);
  switch (spawn->state)
    {
    case STATE_STARTING:
      fail_start (spawn, "%s exited with status 0 before it negotiated", spawn->label);
      break;
    case STATE_STOPPING:
      if (now_us < spawn->deadline_us)
        knock_again (spawn, now_us);
      else
        kill_now (spawn);
      break;
    case STATE_CLEARING:
      if (spawn->group == 0
          || signal_helpers (spawn, now_us < spawn->deadline_us ? SIGTERM : SIGKILL) == 0)
        finish (spawn);
      else
        tool_clock_set (spawn->clock, now_us + HELPERS_LOOK_US);
      break;
    case STATE_IDLE:
    case STATE_READY:
      break;
    }
  return G_SOURCE_CONTINUE;
}

/* --- from outside ----------------------------------------------------------------------------- */

/* the command as it was written, unless it is long */
static char *
make_label (const ToolSpawnConfig *config)
{
  g_autofree char *command = g_strjoinv (" ", (char **) config->argv);

  if (config->label == NULL)
    return strlen (command) <= 60 ? g_steal_pointer (&command) : g_strdup (config->argv[0]);
  return g_strdup (config->label);
}

ToolSpawn *
tool_spawn_new (const ToolSpawnConfig *config,
                const ToolSpawnHandlers *handlers,
                gpointer user_data)
{
  ToolSpawn *spawn = g_new0 (ToolSpawn, 1);

  spawn->label = make_label (config);
  spawn->argv = g_strdupv ((char **) config->argv);
  spawn->folder = g_strdup (config->folder);
  spawn->dir = g_strdup (config->dir);
  spawn->spec = g_strdup (config->spec);
  spawn->timeout_us = config->timeout_us;
  spawn->grace_us = config->grace_us;
  spawn->handlers = handlers;
  spawn->user_data = user_data;
  spawn->output_fd = -1;
  spawn->exit_fd = -1;
  spawn->output = tool_output_new ();
  spawn->sanitizer = tool_sanitizer_new (config->dir, config->number);
  spawn->problem = g_string_new (NULL);
  spawn->clock = tool_clock_new (on_clock, spawn);
  return spawn;
}

void
tool_spawn_free (ToolSpawn *spawn)
{
  if (spawn == NULL)
    return;
  tool_probe_free (spawn->probe);
  if (spawn->group != 0)
    {
      kill (-spawn->group, SIGKILL);
      if (spawn->exit_fd >= 0)
        {
          waitpid (spawn->pid, NULL, 0);
          remove_running (spawn->pid);
        }
      signal_helpers (spawn, SIGKILL);
      tool_guard_forget_group (spawn->group);
      n_active--;
    }
  close_output (spawn);
  close_exit (spawn);
  tool_source_free (spawn->clock);
  tool_output_free (spawn->output);
  tool_sanitizer_free (spawn->sanitizer);
  g_string_free (spawn->problem, TRUE);
  g_free (spawn->start_problem);
  g_free (spawn->note);
  g_free (spawn->label);
  g_strfreev (spawn->argv);
  g_free (spawn->folder);
  g_free (spawn->dir);
  g_free (spawn->spec);
  g_free (spawn);
}

int
tool_spawn_get_pid (const ToolSpawn *spawn)
{
  return spawn->state == STATE_READY ? (int) spawn->pid : 0;
}

gboolean
tool_spawn_is_ready (const ToolSpawn *spawn)
{
  return spawn->state == STATE_READY;
}

gboolean
tool_spawn_is_ending (const ToolSpawn *spawn)
{
  return spawn->state == STATE_READY && tool_process_is_ending (spawn->pid);
}

gboolean
tool_spawn_is_over (const ToolSpawn *spawn)
{
  return spawn->state == STATE_IDLE;
}
