/*
 * The fastest honest mover without any safety: one thread per source, SCAN, DUMP and PTTL of 500 keys at once, RESTORE at the
 * target, UNLINK at the source. No reply is doubted, nothing is read back, a key that expires in between becomes immortal.
 *
 * pump RINGFILE TARGETNUMBER TARGETPORT move|copy SOURCEPORT...
 */
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 500, PAGE = 1000, MOST_SOURCES = 16 };

struct point {
  uint32_t point, owner;
};

static struct point *ring;
static uint32_t points, target_number;
static int target_port, deletes;

struct batch {
  redisReply *keys[BATCH];
  int count;
};

static void die(const char *what) {
  fprintf(stderr, "pump: %s\n", what);
  exit(1);
}

static uint32_t owner_of(const char *key, size_t length) {
  uint32_t hash = 0x84222325, low = 0, high = points;
  for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)key[i]) * 0x1b3;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (ring[middle].point < hash)
      low = middle + 1;
    else
      high = middle;
  }
  return ring[low == points ? 0 : low].owner;
}

static redisReply *next_reply(redisContext *server) {
  redisReply *reply;
  if (redisGetReply(server, (void **)&reply) != REDIS_OK) die(server->errstr);
  if (reply->type == REDIS_REPLY_ERROR) die(reply->str);
  return reply;
}

static redisContext *dial(int port) {
  redisContext *server = redisConnect("127.0.0.1", port);
  if (server == NULL || server->err) die("no connection");
  return server;
}

static void move_batch(redisContext *source, redisContext *target, struct batch *batch) {
  const char *unlink[BATCH + 1] = {"UNLINK"};
  size_t lengths[BATCH + 1] = {6};
  redisReply *dumps[BATCH];
  int sent = 0;
  for (int i = 0; i < batch->count; i++) {
    const char *key = batch->keys[i]->str;
    size_t length = batch->keys[i]->len;
    unlink[i + 1] = key, lengths[i + 1] = length;
    redisAppendCommandArgv(source, 2, (const char *[]){"DUMP", key}, (size_t[]){4, length});
    redisAppendCommandArgv(source, 2, (const char *[]){"PTTL", key}, (size_t[]){4, length});
  }
  for (int i = 0; i < batch->count; i++) {
    dumps[i] = next_reply(source);
    redisReply *ttl = next_reply(source);
    if (dumps[i]->type == REDIS_REPLY_STRING) {
      char text[24];
      int digits = snprintf(text, sizeof text, "%lld", ttl->integer < 0 ? 0 : ttl->integer);
      redisAppendCommandArgv(target, 4, (const char *[]){"RESTORE", unlink[i + 1], text, dumps[i]->str},
                             (size_t[]){7, lengths[i + 1], (size_t)digits, dumps[i]->len});
      sent++;
    }
    freeReplyObject(dumps[i]);
    freeReplyObject(ttl);
  }
  while (sent-- > 0) freeReplyObject(next_reply(target));
  if (deletes) {
    redisAppendCommandArgv(source, batch->count + 1, unlink, lengths);
    freeReplyObject(next_reply(source));
  }
  for (int i = 0; i < batch->count; i++) freeReplyObject(batch->keys[i]);
  batch->count = 0;
}

static void *pump(void *port) {
  redisContext *source = dial((int)(intptr_t)port), *target = dial(target_port);
  struct batch *batch = calloc(1, sizeof *batch);
  char cursor[24] = "0";
  do {
    redisAppendCommand(source, "SCAN %s COUNT %d", cursor, PAGE);
    redisReply *page = next_reply(source);
    snprintf(cursor, sizeof cursor, "%s", page->element[0]->str);
    redisReply *keys = page->element[1];
    for (size_t i = 0; i < keys->elements; i++) {
      redisReply *key = keys->element[i];
      if (owner_of(key->str, key->len) != target_number) continue;
      keys->element[i] = NULL;
      batch->keys[batch->count++] = key;
      if (batch->count == BATCH) move_batch(source, target, batch);
    }
    freeReplyObject(page);
  } while (strcmp(cursor, "0") != 0);
  if (batch->count > 0) move_batch(source, target, batch);
  free(batch);
  redisFree(source);
  redisFree(target);
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[MOST_SOURCES];
  if (argc < 6 || argc - 5 > MOST_SOURCES) die("RINGFILE TARGETNUMBER TARGETPORT move|copy SOURCEPORT...");
  FILE *file = fopen(argv[1], "rb");
  if (file == NULL || fread(&points, sizeof points, 1, file) != 1) die("no ring");
  ring = malloc(points * sizeof *ring);
  if (ring == NULL || fread(ring, sizeof *ring, points, file) != points) die("half a ring");
  fclose(file);
  target_number = (uint32_t)atoi(argv[2]);
  target_port = atoi(argv[3]);
  deletes = strcmp(argv[4], "move") == 0;
  for (int i = 5; i < argc; i++) pthread_create(&threads[i - 5], NULL, pump, (void *)(intptr_t)atoi(argv[i]));
  for (int i = 5; i < argc; i++) pthread_join(threads[i - 5], NULL);
  return 0;
}
