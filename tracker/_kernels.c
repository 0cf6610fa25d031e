/* Compiled twins of the steps of an update that are many small NumPy calls otherwise.
 *
 * In come arrays through the buffer protocol and plain numbers; out go arrays that the caller
 * made, written in place. Each kernel stands beside a NumPy function of the same name, which says
 * what it does (in `tracker.association`, `belief`, `births`, `clutter`, `detections`, `doubles`,
 * `ground`, `motion`, `observation`, `output` and `visibility`); the equations here are the same ones in the same order, so that both give the same result. What
 * a kernel is given is checked before it reads or writes: a wrong array is an exception.
 *
 * C99 and the limited API of Python 3.11: one build serves all later versions, with any NumPy.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- arrays -------------------------------------------------------------------------------- */

/* One element of `tracker.state.ROW`. */
typedef struct {
    int64_t track_id;
    double log_odds;
    double looks;
    double support;
    double hidden;
    int64_t hits;
    int64_t looks_before;
    double born_s;
    double seen_s;
    double found_s;
    double start[2];
    uint8_t moved;
    uint8_t confirmed;
    uint8_t strong;
} Row;

/* One element of `tracker.ground.CLASS`: sums of the regression of one class, and the fit. */
typedef struct {
    double xx[3][3], xy[3], n, rss;
    double beta[3], inverse[3][3], variance;
} Ground;

/* One state of `tracker.motion.ConstantVelocity`: a row a quantity, a column an axis. */
enum { POS, VEL, VAR_POS, COV, VAR_VEL, SCALE2, QUANTITIES };
enum { AXES = 4, HEIGHT = 3 };
typedef double Block[QUANTITIES][AXES];

typedef struct {
    PyObject *object;   /* what the caller gave */
    const char *name;   /* what errors call it */
    char kind;          /* d float64, q int64, b int8, ? bool, R Row, G Ground */
    char rows;          /* letter of its length: arrays of one letter are equally long */
    Py_ssize_t width;   /* elements in each of its rows */
    bool written;       /* whether the kernel writes to it */
    Py_buffer view;
} Array;

static void
release(Array *arrays, size_t count)
{
    for (size_t k = 0; k < count; k++)
        PyBuffer_Release(&arrays[k].view); /* does nothing where none was taken */
}

static bool
is_kind(const Py_buffer *view, char kind)
{
    const char *format = view->format;
    if (kind == 'R') /* NumPy spells structures at length: their size has to do */
        return view->itemsize == sizeof(Row);
    if (kind == 'G')
        return view->itemsize == sizeof(Ground);
    if (kind == 'q') /* int64 is long on some systems, long long on others */
        return (!strcmp(format, "l") || !strcmp(format, "q")) && view->itemsize == 8;
    return format[0] == kind && format[1] == '\0';
}

/* Take the buffers of all arrays, or none: false with an exception set. */
static bool
take(Array *arrays, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        Array *a = &arrays[k];
        int flags = PyBUF_C_CONTIGUOUS | (a->kind == 'R' || a->kind == 'G' ? 0 : PyBUF_FORMAT);
        if (PyObject_GetBuffer(a->object, &a->view, flags | (a->written ? PyBUF_WRITABLE : 0)) < 0)
            goto fail;
        const Py_buffer *view = &a->view;
        Py_ssize_t width = 1;
        for (int axis = 1; axis < view->ndim; axis++)
            width *= view->shape[axis];
        size_t alignment = a->kind == '?' || a->kind == 'b' ? 1 : sizeof(double);
        if (view->ndim < 1 || width != a->width || !is_kind(view, a->kind)
            || (uintptr_t)view->buf % alignment) {
            PyErr_Format(PyExc_ValueError, "%s must be an aligned array of type %c, %zd a row",
                         a->name, a->kind, a->width);
            goto fail;
        }
        for (size_t other = 0; other < k; other++)
            if (arrays[other].rows == a->rows && arrays[other].view.shape[0] != view->shape[0]) {
                PyErr_Format(PyExc_ValueError, "%s must be as long as %s: %zd rows, got %zd",
                             a->name, arrays[other].name, arrays[other].view.shape[0],
                             view->shape[0]);
                goto fail;
            }
    }
    return true;
fail:
    release(arrays, count);
    return false;
}

/* Whether all of `index` are rows of an array of `length`, or -1 where `none` is allowed. */
static bool
are_rows(const Array *index, Py_ssize_t length, bool none)
{
    const int64_t *row = index->view.buf;
    for (Py_ssize_t k = 0; k < index->view.shape[0]; k++)
        if (row[k] < (none ? -1 : 0) || row[k] >= length) {
            PyErr_Format(PyExc_IndexError, "%s[%zd] is not a row", index->name, k);
            return false;
        }
    return true;
}

#define COUNT(arrays) (sizeof(arrays) / sizeof((arrays)[0]))

/* ---- the equations that several kernels share ---------------------------------------------- */

static double least_of(double a, double b) { return a < b ? a : b; }
static double most_of(double a, double b) { return a > b ? a : b; }

/* existence.sigmoid */
static double
sigmoid(double log_odds)
{
    return 1.0 / (1.0 + exp(-least_of(most_of(log_odds, -30.0), 30.0)));
}

/* boxes.cxcywh_to_xyxy */
static void
corners(const double *cxcywh, double *xyxy)
{
    for (int axis = 0; axis < 2; axis++) {
        double half = 0.5 * most_of(cxcywh[axis + 2], 0.0);
        xyxy[axis] = cxcywh[axis] - half;
        xyxy[axis + 2] = cxcywh[axis] + half;
    }
}

/* boxes.iou_matrix, of one pair */
static double
iou(const double *a, const double *b)
{
    double wide = most_of(least_of(a[2], b[2]) - most_of(a[0], b[0]), 0.0);
    double high = most_of(least_of(a[3], b[3]) - most_of(a[1], b[1]), 0.0);
    double shared = wide * high;
    double both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]);
    return shared / most_of(both - shared, 1e-9);
}

/* The factor of SCALE2 in ConstantVelocity.measurement_variance. */
static double
noise2(double confidence, double weakest, double strongest)
{
    double deviation = weakest - (weakest - strongest) * confidence;
    return deviation * deviation;
}

/* ConstantVelocity.distance2, of one pair */
static double
distance2(const Block state, const double *cxcywh, double r)
{
    double sum = 0.0;
    for (int axis = 0; axis < AXES; axis++) {
        double y = cxcywh[axis] - state[POS][axis];
        sum += y * y / (state[VAR_POS][axis] + r * state[SCALE2][axis]);
    }
    return sum;
}

/* The first of `count` rows, by left edge, that begins at `left` or right of it. */
static Py_ssize_t
first_from(const int64_t *order, Py_ssize_t count, const double (*xyxy)[4], double left)
{
    Py_ssize_t first = 0, end = count;
    while (first < end) {
        Py_ssize_t middle = first + (end - first) / 2;
        if (xyxy[order[middle]][0] < left)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

/* ---- detections._all_good ------------------------------------------------------------------ */

static PyObject *
all_good(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "xyxy", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "confidence", .kind = 'd', .rows = 'M', .width = 1},
        {.name = "class_id", .kind = 'q', .rows = 'M', .width = 1},
    };
    double furthest;
    if (!PyArg_ParseTuple(args, "OOOd:all_good", &a[0].object, &a[1].object, &a[2].object,
                          &furthest)
        || !take(a, COUNT(a)))
        return NULL;
    const double(*xyxy)[4] = a[0].view.buf, *confidence = a[1].view.buf;
    const int64_t *class_id = a[2].view.buf;
    bool good = true; /* NaN fails every comparison */
    for (Py_ssize_t d = 0; good && d < a[0].view.shape[0]; d++) {
        const double *box = xyxy[d];
        good = box[0] >= -furthest && box[1] >= -furthest && box[2] <= furthest
               && box[3] <= furthest && box[2] >= box[0] && box[3] >= box[1]
               && confidence[d] >= 0.0 && confidence[d] <= 1.0 && class_id[d] >= 0;
    }
    release(a, COUNT(a));
    return PyBool_FromLong(good);
}

/* ---- observation.observe ------------------------------------------------------------------- */

static PyObject *
observe(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "order", .kind = 'q', .rows = 'M', .width = 1},
        {.name = "given_xyxy", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "given_confidence", .kind = 'd', .rows = 'M', .width = 1},
        {.name = "given_class_id", .kind = 'q', .rows = 'M', .width = 1},
        {.name = "xyxy", .kind = 'd', .rows = 'M', .width = 4, .written = true},
        {.name = "cxcywh", .kind = 'd', .rows = 'M', .width = 4, .written = true},
        {.name = "confidence", .kind = 'd', .rows = 'M', .width = 1, .written = true},
        {.name = "class_id", .kind = 'q', .rows = 'M', .width = 1, .written = true},
    };
    if (!PyArg_ParseTuple(args, "OOOOOOOO:observe", &a[0].object, &a[1].object, &a[2].object,
                          &a[3].object, &a[4].object, &a[5].object, &a[6].object, &a[7].object)
        || !take(a, COUNT(a)))
        return NULL;
    const int64_t *order = a[0].view.buf, *given_class = a[3].view.buf;
    const double(*given)[4] = a[1].view.buf, *given_confidence = a[2].view.buf;
    double(*xyxy)[4] = a[4].view.buf, (*cxcywh)[4] = a[5].view.buf, *confidence = a[6].view.buf;
    int64_t *class_id = a[7].view.buf;
    Py_ssize_t m = a[0].view.shape[0];
    bool valid = are_rows(&a[0], m, false), ties = false;
    for (Py_ssize_t d = 0; valid && d < m; d++) {
        const double *box = given[order[d]];
        memcpy(xyxy[d], box, sizeof xyxy[d]);
        for (int axis = 0; axis < 2; axis++) {
            cxcywh[d][axis] = 0.5 * box[axis] + 0.5 * box[axis + 2];
            cxcywh[d][axis + 2] = box[axis + 2] - box[axis];
        }
        confidence[d] = given_confidence[order[d]];
        class_id[d] = given_class[order[d]];
        ties = ties || (d > 0 && confidence[d] == confidence[d - 1]);
    }
    release(a, COUNT(a));
    return valid ? PyBool_FromLong(ties) : NULL;
}

/* ---- association.candidates ---------------------------------------------------------------- */

typedef struct {
    int64_t track, detection, tier;
    double similarity;
} Pair;

/* Pairs found so far; `count` of `room`. */
typedef struct {
    Pair *pairs;
    size_t count, room;
} Found;

static bool
add_pair(Found *found, Pair pair)
{
    if (found->count == found->room) {
        size_t room = found->room ? 2 * found->room : 256;
        Pair *grown = room > SIZE_MAX / sizeof(Pair)
                          ? NULL : realloc(found->pairs, room * sizeof(Pair));
        if (!grown)
            return false;
        found->pairs = grown;
        found->room = room;
    }
    found->pairs[found->count++] = pair;
    return true;
}

static int
by_detection(const void *a, const void *b)
{
    int64_t one = ((const Pair *)a)->detection, other = ((const Pair *)b)->detection;
    return (one > other) - (one < other);
}

/* The pairs as one row of int64, each column after the other. */
static PyObject *
joined(const Found *found)
{
    size_t n = found->count;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * 4 * sizeof(int64_t)));
    if (!bytes)
        return NULL;
    char *out = PyBytes_AsString(bytes);
    for (size_t k = 0; k < n; k++) {
        const Pair *pair = &found->pairs[k];
        memcpy(out + 8 * k, &pair->track, 8);
        memcpy(out + 8 * (n + k), &pair->detection, 8);
        memcpy(out + 8 * (2 * n + k), &pair->tier, 8);
        memcpy(out + 8 * (3 * n + k), &pair->similarity, 8);
    }
    return bytes;
}

static PyObject *
candidates(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "rows", .kind = 'R', .rows = 'N', .width = 1},
        {.name = "motion", .kind = 'd', .rows = 'N', .width = QUANTITIES * AXES},
        {.name = "order", .kind = 'q', .rows = 'M', .width = 1},
        {.name = "xyxy", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "cxcywh", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "confidence", .kind = 'd', .rows = 'M', .width = 1},
    };
    double strong, iou_strong, iou_weak, gate2, offset, believed, noise_weak, noise_strong;
    if (!PyArg_ParseTuple(args, "OOOOOOdddddddd:candidates", &a[0].object, &a[1].object,
                          &a[2].object, &a[3].object, &a[4].object, &a[5].object, &strong,
                          &iou_strong, &iou_weak, &gate2, &offset, &believed, &noise_weak,
                          &noise_strong)
        || !take(a, COUNT(a)))
        return NULL;
    const Row *rows = a[0].view.buf;
    const Block *motion = a[1].view.buf;
    const int64_t *order = a[2].view.buf; /* by left edge */
    const double(*xyxy)[4] = a[3].view.buf, (*cxcywh)[4] = a[4].view.buf;
    const double *confidence = a[5].view.buf;
    Py_ssize_t n = a[0].view.shape[0], m = a[2].view.shape[0];
    Found found = {NULL, 0, 0};
    PyObject *result = NULL;

    if (!are_rows(&a[2], m, false))
        goto done;
    double widest = 0.0;
    for (Py_ssize_t d = 0; d < m; d++)
        widest = most_of(widest, xyxy[d][2] - xyxy[d][0]);
    for (Py_ssize_t t = 0; t < n; t++) {
        double box[4];
        corners(motion[t][POS], box);
        /* The first detection, by left edge, whose right edge may reach the box. */
        Py_ssize_t first = first_from(order, m, xyxy, box[0] - widest);
        size_t first_of_track = found.count;
        for (Py_ssize_t k = first; k < m && xyxy[order[k]][0] <= box[2]; k++) {
            int64_t d = order[k];
            if (!(box[1] < xyxy[d][3] && xyxy[d][1] < box[3]))
                continue;
            bool weak = confidence[d] < strong;
            double overlap = iou(box, xyxy[d]);
            if (!(overlap >= (weak ? iou_weak : iou_strong))
                || !(distance2(motion[t], cxcywh[d],
                               noise2(confidence[d], noise_weak, noise_strong)) <= gate2))
                continue;
            Pair pair = {t, d, 2 * (rows[t].log_odds < believed) + weak,
                         overlap * (confidence[d] + offset)};
            if (!add_pair(&found, pair)) {
                PyErr_NoMemory();
                goto done;
            }
        }
        size_t pairs_of_track = found.count - first_of_track;
        if (pairs_of_track > 1)
            qsort(found.pairs + first_of_track, pairs_of_track, sizeof(Pair), by_detection);
    }
    result = joined(&found);
done:
    free(found.pairs);
    release(a, COUNT(a));
    return result;
}

/* ---- motion.correct_matched ---------------------------------------------------------------- */

static PyObject *
correct(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "state", .kind = 'd', .rows = 'N', .width = QUANTITIES * AXES, .written = true},
        {.name = "match", .kind = 'q', .rows = 'O', .width = 1},
        {.name = "cxcywh", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "confidence", .kind = 'd', .rows = 'M', .width = 1},
    };
    double noise_weak, noise_strong, least_height, size_ratio;
    if (!PyArg_ParseTuple(args, "OOOOdddd:correct", &a[0].object, &a[1].object, &a[2].object,
                          &a[3].object, &noise_weak, &noise_strong, &least_height, &size_ratio)
        || !take(a, COUNT(a)))
        return NULL;
    Block *state = a[0].view.buf;
    const int64_t *match = a[1].view.buf;
    const double(*cxcywh)[4] = a[2].view.buf, *confidence = a[3].view.buf;
    Py_ssize_t count = a[1].view.shape[0];
    bool valid = are_rows(&a[1], a[2].view.shape[0], true);
    if (valid && count > a[0].view.shape[0]) {
        PyErr_SetString(PyExc_ValueError, "match must not be longer than state");
        valid = false;
    }
    for (Py_ssize_t t = 0; valid && t < count; t++) {
        int64_t d = match[t];
        if (d < 0)
            continue;
        double factor = noise2(confidence[d], noise_weak, noise_strong);
        double height = most_of(cxcywh[d][HEIGHT], least_height);
        for (int axis = 0; axis < AXES; axis++) {
            double pos = state[t][POS][axis], vel = state[t][VEL][axis];
            double cov = state[t][COV][axis], var_vel = state[t][VAR_VEL][axis];
            double r = factor * state[t][SCALE2][axis];
            /* S = H P Hᵀ + R,  K = P Hᵀ S⁻¹ = (VAR_POS, COV) / S */
            double s = state[t][VAR_POS][axis] + r;
            double k_pos = state[t][VAR_POS][axis] / s, k_vel = cov / s;
            /* x = x + K y,  y = z − H x */
            double y = cxcywh[d][axis] - pos;
            state[t][POS][axis] = pos + k_pos * y;
            state[t][VEL][axis] = vel + k_vel * y;
            /* P = (I − K H) P */
            state[t][VAR_POS][axis] = k_pos * r;
            state[t][COV][axis] = k_vel * r;
            state[t][VAR_VEL][axis] = var_vel - k_vel * cov;
            double ratio = axis < 2 ? 1.0 : size_ratio;
            state[t][SCALE2][axis] = height * height * (ratio * ratio);
        }
    }
    release(a, COUNT(a));
    return valid ? Py_NewRef(Py_None) : NULL;
}

/* ---- belief.believe ------------------------------------------------------------------------ */

/* The constants of tracker.existence.log_odds. */
typedef struct {
    double prior, moved, gain, correlation, floor, ceiling;
} Model;

static double
log_odds_of(const Row *row, const Model *model)
{
    double worth = 1.0 + model->correlation * most_of(row->looks - 1.0, 0.0);
    double odds = model->prior + (row->moved ? model->moved : 0.0)
                  + model->gain * row->support / worth;
    return least_of(most_of(odds, model->floor), model->ceiling);
}

static PyObject *
believe(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "rows", .kind = 'R', .rows = 'N', .width = 1, .written = true},
        {.name = "match", .kind = 'q', .rows = 'N', .width = 1},
        {.name = "weight", .kind = 'd', .rows = 'N', .width = 1, .written = true},
        {.name = "telling", .kind = 'd', .rows = 'O', .width = 1},
        {.name = "hidden", .kind = 'd', .rows = 'O', .width = 1},
        {.name = "cxcywh", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "evidence", .kind = 'd', .rows = 'M', .width = 1},
        {.name = "against", .kind = 'd', .rows = 'M', .width = 1},
        {.name = "standing", .kind = '?', .rows = 'M', .width = 1, .written = true},
    };
    Py_ssize_t old;
    Model model;
    double fade, share, first_share, now_s, looked_s, neutral, surest, miss, confirm_at, release_at;
    double moved_widths, stand_s;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOndddddddddddddddddd:believe", &a[0].object, &a[1].object,
                          &a[2].object, &a[3].object, &a[4].object, &a[5].object, &a[6].object,
                          &a[7].object, &a[8].object, &old, &fade, &share, &first_share, &now_s,
                          &looked_s, &neutral, &surest, &miss, &model.gain, &model.correlation, &model.prior,
                          &model.moved, &model.floor, &model.ceiling, &confirm_at, &release_at,
                          &moved_widths, &stand_s)
        || !take(a, COUNT(a)))
        return NULL;
    Row *rows = a[0].view.buf;
    const int64_t *match = a[1].view.buf;
    double *weight = a[2].view.buf;
    const double *telling = a[3].view.buf, *hidden = a[4].view.buf;
    const double(*cxcywh)[4] = a[5].view.buf, *evidence = a[6].view.buf, *against = a[7].view.buf;
    uint8_t *standing = a[8].view.buf;
    Py_ssize_t n = a[0].view.shape[0], m = a[5].view.shape[0];
    bool valid = are_rows(&a[1], m, true);
    if (valid && (old < 0 || old > n || a[3].view.shape[0] != old)) {
        PyErr_SetString(PyExc_ValueError, "telling must have one element for each old row");
        valid = false;
    }
    if (valid)
        memset(standing, 0, (size_t)m);
    for (Py_ssize_t t = 0; valid && t < n; t++) {
        Row *row = &rows[t];
        int64_t d = match[t];
        row->looks *= fade;
        row->support *= fade;
        double before = log_odds_of(row, &model);
        double part = t >= old ? first_share : d >= 0 ? share : share * telling[t];
        if (t < old)
            row->hidden = hidden[t];
        double news = -miss;
        if (d >= 0) {
            news = least_of(evidence[d], surest) - neutral;
            news -= least_of(against[d], most_of(news, 0.0));
            double away = fabs(cxcywh[d][0] - row->start[0]) + fabs(cxcywh[d][1] - row->start[1]);
            row->moved = row->moved || away > moved_widths * cxcywh[d][2];
        }
        row->looks += part;
        row->support += part * news;
        row->log_odds = log_odds_of(row, &model);
        weight[t] = row->log_odds - before;
        row->confirmed = row->log_odds >= confirm_at
                         || (row->confirmed && row->log_odds >= release_at);
        if (d < 0)
            continue;
        row->hits = (int64_t)((uint64_t)row->hits + 1);
        row->seen_s = now_s;
        row->found_s = looked_s;
        standing[d] = !row->moved && now_s - row->born_s >= stand_s;
    }
    release(a, COUNT(a));
    return valid ? Py_NewRef(Py_None) : NULL;
}

/* ---- births.born --------------------------------------------------------------------------- */

static PyObject *
born(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "old_rows", .kind = 'R', .rows = 'O', .width = 1},
        {.name = "old_motion", .kind = 'd', .rows = 'O', .width = QUANTITIES * AXES},
        {.name = "new", .kind = 'q', .rows = 'K', .width = 1},
        {.name = "cxcywh", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "confidence", .kind = 'd', .rows = 'M', .width = 1},
        {.name = "rows", .kind = 'R', .rows = 'N', .width = 1, .written = true},
        {.name = "motion", .kind = 'd', .rows = 'N', .width = QUANTITIES * AXES, .written = true},
    };
    long long next_id, looks_before;
    double now_s, strong, noise_weak, noise_strong, velocity2, least_height, size_ratio;
    if (!PyArg_ParseTuple(args, "OOOOOOOLLddddddd:born", &a[0].object, &a[1].object, &a[2].object,
                          &a[3].object, &a[4].object, &a[5].object, &a[6].object, &next_id,
                          &looks_before, &now_s, &strong, &noise_weak, &noise_strong, &velocity2,
                          &least_height, &size_ratio)
        || !take(a, COUNT(a)))
        return NULL;
    const int64_t *new = a[2].view.buf;
    const double(*cxcywh)[4] = a[3].view.buf, *confidence = a[4].view.buf;
    Row *rows = a[5].view.buf;
    Block *motion = a[6].view.buf;
    Py_ssize_t old = a[0].view.shape[0], count = a[2].view.shape[0];
    bool valid = are_rows(&a[2], a[3].view.shape[0], false);
    if (valid && a[5].view.shape[0] != old + count) {
        PyErr_SetString(PyExc_ValueError, "rows must have one element for each old and new row");
        valid = false;
    }
    if (valid && old) {
        memcpy(rows, a[0].view.buf, (size_t)old * sizeof(Row));
        memcpy(motion, a[1].view.buf, (size_t)old * sizeof(Block));
    }
    for (Py_ssize_t k = 0; valid && k < count; k++) {
        int64_t d = new[k];
        Row *row = &rows[old + k];
        double(*block)[AXES] = motion[old + k];
        memset(row, 0, sizeof *row);
        memset(block, 0, sizeof(Block));
        row->track_id = next_id + k;
        row->looks_before = looks_before;
        row->born_s = now_s;
        row->start[0] = cxcywh[d][0];
        row->start[1] = cxcywh[d][1];
        row->strong = confidence[d] >= strong;
        /* ConstantVelocity.birth */
        double factor = noise2(confidence[d], noise_weak, noise_strong);
        double height = most_of(cxcywh[d][HEIGHT], least_height);
        for (int axis = 0; axis < AXES; axis++) {
            double ratio = axis < 2 ? 1.0 : size_ratio;
            block[POS][axis] = cxcywh[d][axis];
            block[SCALE2][axis] = height * height * (ratio * ratio);
            block[VAR_POS][axis] = factor * block[SCALE2][axis];
            block[VAR_VEL][axis] = velocity2 * block[SCALE2][axis];
        }
    }
    release(a, COUNT(a));
    return valid ? Py_NewRef(Py_None) : NULL;
}

/* ---- doubles.against_doubles --------------------------------------------------------------- */

static PyObject *
doubles(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "order", .kind = 'q', .rows = 'M', .width = 1},
        {.name = "xyxy", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "evidence", .kind = 'd', .rows = 'M', .width = 1},
        {.name = "class_id", .kind = 'q', .rows = 'M', .width = 1},
        {.name = "against", .kind = 'd', .rows = 'M', .width = 1, .written = true},
    };
    double weight, least, much;
    if (!PyArg_ParseTuple(args, "OOOOOddd:doubles", &a[0].object, &a[1].object, &a[2].object,
                          &a[3].object, &a[4].object, &weight, &least, &much)
        || !take(a, COUNT(a)))
        return NULL;
    const int64_t *order = a[0].view.buf; /* by left edge */
    const double(*xyxy)[4] = a[1].view.buf, *evidence = a[2].view.buf;
    const int64_t *class_id = a[3].view.buf;
    double *against = a[4].view.buf;
    Py_ssize_t m = a[0].view.shape[0];
    bool valid = are_rows(&a[0], m, false);
    if (valid)
        memset(against, 0, (size_t)m * sizeof(double));
    for (Py_ssize_t i = 0; valid && i < m; i++)
        for (Py_ssize_t j = i + 1; j < m; j++) {
            int64_t one = order[i], other = order[j];
            const double *p = xyxy[one], *q = xyxy[other];
            if (q[0] >= p[2])
                break;
            if (!(p[1] < q[3] && q[1] < p[3]) || class_id[one] != class_id[other]
                || evidence[one] == evidence[other])
                continue;
            int64_t less = evidence[one] < evidence[other] ? one : other;
            double surer = fabs(evidence[one] - evidence[other]);
            double share = iou(p, q) * least_of(surer / much, 1.0);
            double lost = weight * most_of((share - least) / (1.0 - least), 0.0);
            against[less] = most_of(against[less], lost);
        }
    release(a, COUNT(a));
    return valid ? Py_NewRef(Py_None) : NULL;
}

/* ---- clutter.ClutterMap.against ------------------------------------------------------------ */

enum { SIDE = 256 }; /* _SIDE of tracker.clutter */

static PyObject *
clutter(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "cells", .kind = 'd', .rows = 'C', .width = 1},
        {.name = "xyxy", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "against", .kind = 'd', .rows = 'M', .width = 1, .written = true},
    };
    double half, whole, scale, weight, most;
    if (!PyArg_ParseTuple(args, "OOOddddd:clutter", &a[0].object, &a[1].object, &a[2].object,
                          &half, &whole, &scale, &weight, &most)
        || !take(a, COUNT(a)))
        return NULL;
    const double *cells = a[0].view.buf, (*xyxy)[4] = a[1].view.buf;
    double *against = a[2].view.buf;
    bool valid = a[0].view.shape[0] == SIDE * SIDE;
    if (!valid)
        PyErr_SetString(PyExc_ValueError, "cells must be 256 times 256");
    for (Py_ssize_t d = 0; valid && d < a[1].view.shape[0]; d++) {
        double x = floor((xyxy[d][0] + xyxy[d][2]) * half), y = floor(xyxy[d][3] * whole);
        if (!(fabs(x) < 1e18 && fabs(y) < 1e18)) /* no box that `Detections` lets through */
            continue;
        size_t place = ((size_t)(int64_t)y & (SIDE - 1)) * SIDE + ((size_t)(int64_t)x & (SIDE - 1));
        if (cells[place] != 0.0)
            against[d] += least_of(weight * log1p(cells[place] * scale), most);
    }
    release(a, COUNT(a));
    return valid ? Py_NewRef(Py_None) : NULL;
}

/* ---- tracker.ground ------------------------------------------------------------------------ */

/* ground._regressors: (1, y, x) of the foot, and log height */
static double
regressors(const double *xyxy, double unit, double *x)
{
    x[0] = 1.0;
    x[1] = xyxy[3] / unit;
    x[2] = (xyxy[0] + xyxy[2]) * (0.5 / unit);
    return log(most_of(xyxy[3] - xyxy[1], 1.0));
}

/* ground._residual2, of one box */
static double
residual2(const Ground *known, const double *x, double y)
{
    double residual = y - (x[0] * known->beta[0] + x[1] * known->beta[1] + x[2] * known->beta[2]);
    return residual * residual;
}

static PyObject *
ground_against(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "known", .kind = 'G', .rows = 'C', .width = 1},
        {.name = "xyxy", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "class_id", .kind = 'q', .rows = 'M', .width = 1},
        {.name = "against", .kind = 'd', .rows = 'M', .width = 1, .written = true},
    };
    double unit, weight, most, enough;
    if (!PyArg_ParseTuple(args, "OOOOdddd:ground_against", &a[0].object, &a[1].object,
                          &a[2].object, &a[3].object, &unit, &weight, &most, &enough)
        || !take(a, COUNT(a)))
        return NULL;
    const Ground *classes = a[0].view.buf;
    const double(*xyxy)[4] = a[1].view.buf;
    const int64_t *class_id = a[2].view.buf;
    double *against = a[3].view.buf;
    for (Py_ssize_t d = 0; d < a[1].view.shape[0]; d++) {
        if (class_id[d] < 0 || class_id[d] >= a[0].view.shape[0])
            continue;
        const Ground *known = &classes[class_id[d]];
        double x[3], y = regressors(xyxy[d], unit, x), leverage = 0.0;
        for (int i = 0; i < 3; i++) {
            const double *row = known->inverse[i];
            leverage += x[i] * (row[0] * x[0] + row[1] * x[1] + row[2] * x[2]);
        }
        double z2 = residual2(known, x, y) / (known->variance * (1.0 + leverage));
        z2 = least_of(z2, most) * (known->n / (known->n + enough));
        against[d] += weight * most_of(z2 - 1.0, 0.0);
    }
    release(a, COUNT(a));
    Py_RETURN_NONE;
}

/* ground._fit, of one class */
static void
fit(Ground *g, const double *prior, double least, double prior_rss, double prior_s)
{
    double a00 = g->xx[0][0] + prior[0], a11 = g->xx[1][1] + prior[1];
    double a22 = g->xx[2][2] + prior[2];
    double d0 = most_of(a00, least);
    double l10 = g->xx[0][1] / d0, l20 = g->xx[0][2] / d0;
    double d1 = most_of(a11 - l10 * g->xx[0][1], least);
    double u = g->xx[1][2] - l20 * g->xx[0][1], l21 = u / d1;
    double d2 = most_of(a22 - l20 * g->xx[0][2] - l21 * u, least);
    double m20 = l10 * l21 - l20, m10 = -l10, m21 = -l21;
    double(*v)[3] = g->inverse;
    v[0][0] = 1.0 / d0 + m10 * m10 / d1 + m20 * m20 / d2;
    v[0][1] = v[1][0] = m10 / d1 + m20 * m21 / d2;
    v[0][2] = v[2][0] = m20 / d2;
    v[1][1] = 1.0 / d1 + m21 * m21 / d2;
    v[1][2] = v[2][1] = m21 / d2;
    v[2][2] = 1.0 / d2;
    for (int i = 0; i < 3; i++)
        g->beta[i] = v[i][0] * g->xy[0] + v[i][1] * g->xy[1] + v[i][2] * g->xy[2];
    g->variance = (g->rss + prior_rss) / (g->n + prior_s);
}

static PyObject *
ground_learn(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "known", .kind = 'G', .rows = 'O', .width = 1},
        {.name = "learned", .kind = 'G', .rows = 'C', .width = 1, .written = true},
        {.name = "seen", .kind = 'd', .rows = '4', .width = 1, .written = true},
        {.name = "picture", .kind = 'd', .rows = '4', .width = 1},
        {.name = "xyxy", .kind = 'd', .rows = 'N', .width = 4},
        {.name = "class_id", .kind = 'q', .rows = 'N', .width = 1},
        {.name = "score", .kind = 'd', .rows = 'N', .width = 1},
        {.name = "prior", .kind = 'd', .rows = '3', .width = 1},
    };
    int seen_is_rim;
    double margin, look_s, faded, unit, least_score, far, furthest, limit, least;
    double prior_rss, prior_s;
    if (!PyArg_ParseTuple(args, "OOOOOOOOpddddddddddd:ground_learn", &a[0].object, &a[1].object,
                          &a[2].object, &a[3].object, &a[4].object, &a[5].object, &a[6].object,
                          &a[7].object, &seen_is_rim, &margin, &look_s, &faded, &unit, &least_score, &far, &furthest,
                          &limit, &least, &prior_rss, &prior_s)
        || !take(a, COUNT(a)))
        return NULL;
    const Ground *known = a[0].view.buf;
    Ground *learned = a[1].view.buf;
    double *seen = a[2].view.buf;
    const double *picture = a[3].view.buf, (*xyxy)[4] = a[4].view.buf, *score = a[6].view.buf;
    const int64_t *class_id = a[5].view.buf;
    const double *prior = a[7].view.buf;
    Py_ssize_t old = a[0].view.shape[0], count = a[1].view.shape[0], n = a[4].view.shape[0];
    bool valid = count >= old && a[2].view.shape[0] == 4 && a[7].view.shape[0] == 3;
    if (!valid)
        PyErr_SetString(PyExc_ValueError, "learned must be as long as known, seen 4, prior 3");
    valid = valid && are_rows(&a[5], count, false);
    if (!valid)
        goto done;
    if (count)
        memset(learned, 0, (size_t)count * sizeof(Ground));
    for (Py_ssize_t c = 0; c < old; c++) {
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < 3; j++)
                learned[c].xx[i][j] = known[c].xx[i][j] * faded;
            learned[c].xy[i] = known[c].xy[i] * faded;
        }
        learned[c].n = known[c].n * faded;
        learned[c].rss = known[c].rss * faded;
    }
    for (Py_ssize_t k = 0; k < n; k++)
        for (int side = 0; side < 4; side++)
            seen[side] = side < 2 ? least_of(seen[side], xyxy[k][side])
                                  : most_of(seen[side], xyxy[k][side]);
    const double *rim = seen_is_rim ? seen : picture;
    double left = rim[0] + margin, top = rim[1] + margin;
    double right = rim[2] - margin, bottom = rim[3] - margin;
    for (Py_ssize_t k = 0; k < n; k++) {
        const double *box = xyxy[k];
        if (!(box[0] > left && box[1] > top && box[2] < right && box[3] < bottom
              && score[k] > least_score))
            continue;
        int64_t c = class_id[k];
        double x[3], y = regressors(box, unit, x), weight = score[k] * look_s;
        double z2 = 0.0, limited = 0.0;
        if (c < old && known[c].n > 0.0) {
            double squared = residual2(&known[c], x, y);
            z2 = least_of(squared / known[c].variance, furthest);
            limited = least_of(squared, limit * known[c].variance);
        }
        weight *= exp(-0.5 * most_of(z2 - far, 0.0));
        learned[c].rss += weight * limited;
        for (int i = 0; i < 3; i++) {
            double weighted = x[i] * weight;
            for (int j = 0; j < 3; j++)
                learned[c].xx[i][j] += weighted * x[j];
            learned[c].xy[i] += weighted * y;
        }
        learned[c].n += weight;
    }
    for (Py_ssize_t c = 0; c < count; c++)
        fit(&learned[c], prior, least, prior_rss, prior_s);
done:
    release(a, COUNT(a));
    return valid ? Py_NewRef(Py_None) : NULL;
}

/* ---- visibility.visibility ----------------------------------------------------------------- */

static double
area_of(const double *box)
{
    return most_of((box[2] - box[0]) * (box[3] - box[1]), 1e-9);
}

static PyObject *
visibility(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "rows", .kind = 'R', .rows = 'N', .width = 1},
        {.name = "motion", .kind = 'd', .rows = 'N', .width = QUANTITIES * AXES},
        {.name = "match", .kind = 'q', .rows = 'O', .width = 1},
        {.name = "order", .kind = 'q', .rows = 'M', .width = 1},
        {.name = "xyxy", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "hidden", .kind = 'd', .rows = 'O', .width = 1, .written = true},
        {.name = "inside", .kind = 'd', .rows = 'O', .width = 1, .written = true},
        {.name = "telling", .kind = 'd', .rows = 'O', .width = 1, .written = true},
    };
    double loss, small, width, height; /* width 0: unknown */
    if (!PyArg_ParseTuple(args, "OOOOOOOOdddd:visibility", &a[0].object, &a[1].object,
                          &a[2].object, &a[3].object, &a[4].object, &a[5].object, &a[6].object,
                          &a[7].object, &loss, &small, &width, &height)
        || !take(a, COUNT(a)))
        return NULL;
    const Row *rows = a[0].view.buf;
    const Block *motion = a[1].view.buf;
    const int64_t *match = a[2].view.buf, *order = a[3].view.buf; /* by left edge */
    const double(*xyxy)[4] = a[4].view.buf;
    double *hidden = a[5].view.buf, *inside = a[6].view.buf, *telling = a[7].view.buf;
    Py_ssize_t old = a[2].view.shape[0], m = a[3].view.shape[0];
    PyObject *result = NULL;
    int64_t *front = NULL; /* the detections of believed tracks, by left edge */
    Py_ssize_t fronts = 0;
    double widest = 0.0;

    if (!are_rows(&a[2], m, true) || !are_rows(&a[3], m, false))
        goto done;
    if (old > a[0].view.shape[0]) {
        PyErr_SetString(PyExc_ValueError, "match must not be longer than rows");
        goto done;
    }
    uint8_t *believed = calloc((size_t)m + 1, 1);
    front = malloc(((size_t)m + 1) * sizeof *front);
    if (!believed || !front) {
        free(believed);
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t t = 0; t < old; t++)
        if (match[t] >= 0 && rows[t].log_odds > 0.0)
            believed[match[t]] = 1;
    for (Py_ssize_t k = 0; k < m; k++)
        if (believed[order[k]]) {
            front[fronts++] = order[k];
            believed[order[k]] = 0;
            widest = most_of(widest, xyxy[order[k]][2] - xyxy[order[k]][0]);
        }
    free(believed);
    for (Py_ssize_t t = 0; t < old; t++) {
        hidden[t] = 0.0;
        inside[t] = telling[t] = 1.0;
        if (match[t] >= 0)
            continue;
        double box[4], covered = 0.0;
        corners(motion[t][POS], box);
        Py_ssize_t first = first_from(front, fronts, xyxy, box[0] - widest);
        for (Py_ssize_t k = first; k < fronts && xyxy[front[k]][0] <= box[2]; k++) {
            const double *other = xyxy[front[k]];
            double wide = most_of(least_of(box[2], other[2]) - most_of(box[0], other[0]), 0.0);
            double high = most_of(least_of(box[3], other[3]) - most_of(box[1], other[1]), 0.0);
            covered = most_of(covered, wide * high);
        }
        hidden[t] = least_of(covered / area_of(box), 1.0);
        if (width > 0.0) {
            double wide = most_of(least_of(box[2], width) - most_of(box[0], 0.0), 0.0);
            double high = most_of(least_of(box[3], height) - most_of(box[1], 0.0), 0.0);
            inside[t] = least_of(wide * high / area_of(box), 1.0);
        }
        double told = (1.0 - loss * hidden[t]) * inside[t];
        telling[t] = most_of(told * least_of(motion[t][POS][HEIGHT] / small, 1.0), 0.0);
    }
    result = Py_NewRef(Py_None);
done:
    free(front);
    release(a, COUNT(a));
    return result;
}

/* ---- output.columns ----------------------------------------------------------------------- */

/* state of Tracks, as tracker.tracks.TrackState */
enum { TENTATIVE, CONFIRMED, COASTING, DEAD, LOST };

static PyObject *
columns(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "rows", .kind = 'R', .rows = 'N', .width = 1},
        {.name = "motion", .kind = 'd', .rows = 'N', .width = QUANTITIES * AXES},
        {.name = "match", .kind = 'q', .rows = 'N', .width = 1},
        {.name = "source", .kind = 'q', .rows = 'M', .width = 1},
        {.name = "evidence", .kind = 'd', .rows = 'M', .width = 1},
        {.name = "against", .kind = 'd', .rows = 'M', .width = 1},
        {.name = "xyxy", .kind = 'd', .rows = 'N', .width = 4, .written = true},
        {.name = "velocity", .kind = 'd', .rows = 'N', .width = 2, .written = true},
        {.name = "covariance", .kind = 'd', .rows = 'N', .width = 64, .written = true},
        {.name = "earned", .kind = 'd', .rows = 'N', .width = 1, .written = true},
        {.name = "existence", .kind = 'd', .rows = 'N', .width = 1, .written = true},
        {.name = "score", .kind = 'd', .rows = 'N', .width = 1, .written = true},
        {.name = "state", .kind = 'b', .rows = 'N', .width = 1, .written = true},
        {.name = "detection", .kind = 'q', .rows = 'N', .width = 1, .written = true},
    };
    double confidence_weight, existence_weight, bias;
    double coast_existence_weight, coast_bias, coast_uncertainty_weight, coast_hidden_weight;
    double lost_below, agreement;
    int consistent;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOOOOOOpddddddddd:columns", &a[0].object, &a[1].object,
                          &a[2].object, &a[3].object, &a[4].object, &a[5].object, &a[6].object,
                          &a[7].object, &a[8].object, &a[9].object, &a[10].object, &a[11].object,
                          &a[12].object, &a[13].object, &consistent, &confidence_weight, &existence_weight, &bias,
                          &coast_existence_weight, &coast_bias, &coast_uncertainty_weight,
                          &coast_hidden_weight, &lost_below, &agreement)
        || !take(a, COUNT(a)))
        return NULL;
    const Row *rows = a[0].view.buf;
    const Block *motion = a[1].view.buf;
    const int64_t *match = a[2].view.buf, *source = a[3].view.buf;
    const double *evidence = a[4].view.buf, *against = a[5].view.buf;
    double(*xyxy)[4] = a[6].view.buf, (*velocity)[2] = a[7].view.buf;
    double(*covariance)[8][8] = a[8].view.buf, *earned = a[9].view.buf;
    double *existence = a[10].view.buf, *score = a[11].view.buf;
    int8_t *state = a[12].view.buf;
    int64_t *detection = a[13].view.buf;
    Py_ssize_t n = a[0].view.shape[0];
    bool valid = are_rows(&a[2], a[3].view.shape[0], true);
    for (Py_ssize_t t = 0; valid && t < n; t++) {
        const double *box = motion[t][POS], *variance = motion[t][VAR_POS];
        double log_odds = rows[t].log_odds, likely;
        int64_t d = match[t];
        if (d >= 0) {
            likely = confidence_weight * evidence[d] - against[d] + existence_weight * log_odds
                     + bias;
        } else {
            double spread = sqrt(variance[0] + variance[1]) / most_of(box[HEIGHT], 1.0);
            likely = coast_existence_weight * log_odds + coast_bias
                     - coast_uncertainty_weight * spread + coast_hidden_weight * rows[t].hidden;
        }
        corners(box, xyxy[t]);
        velocity[t][0] = motion[t][VEL][0];
        velocity[t][1] = motion[t][VEL][1];
        memset(covariance[t], 0, sizeof covariance[t]);
        for (int axis = 0; axis < AXES; axis++) {
            covariance[t][axis][axis] = motion[t][VAR_POS][axis];
            covariance[t][axis][axis + 4] = covariance[t][axis + 4][axis] = motion[t][COV][axis];
            covariance[t][axis + 4][axis + 4] = motion[t][VAR_VEL][axis];
        }
        state[t] = !rows[t].confirmed     ? TENTATIVE
                   : d >= 0               ? CONFIRMED
                   : likely < lost_below ? LOST
                                          : COASTING;
        earned[t] = sigmoid(log_odds);
        if (consistent && likely > log_odds) {
            if (d >= 0)
                log_odds += agreement * (likely - log_odds);
            likely = log_odds;
        }
        existence[t] = sigmoid(log_odds);
        score[t] = sigmoid(likely);
        detection[t] = d >= 0 ? source[d] : -1;
    }
    release(a, COUNT(a));
    return valid ? Py_NewRef(Py_None) : NULL;
}

/* ---- the module ---------------------------------------------------------------------------- */

static PyMethodDef functions[] = {
    {"all_good", all_good, METH_VARARGS, "Twin of tracker.detections._all_good."},
    {"believe", believe, METH_VARARGS, "Twin of tracker.belief.believe."},
    {"born", born, METH_VARARGS, "Twin of tracker.births.born."},
    {"candidates", candidates, METH_VARARGS, "Twin of tracker.association.candidates."},
    {"clutter", clutter, METH_VARARGS, "Twin of tracker.clutter.ClutterMap.against."},
    {"columns", columns, METH_VARARGS, "Twin of tracker.output.columns."},
    {"correct", correct, METH_VARARGS, "Twin of tracker.motion.correct_matched."},
    {"doubles", doubles, METH_VARARGS, "Twin of tracker.doubles.against_doubles."},
    {"ground_against", ground_against, METH_VARARGS, "Twin of tracker.ground.GroundModel.against."},
    {"ground_learn", ground_learn, METH_VARARGS, "Twin of tracker.ground.GroundModel.learn."},
    {"observe", observe, METH_VARARGS, "Twin of tracker.observation.observe."},
    {"visibility", visibility, METH_VARARGS, "Twin of tracker.visibility.visibility."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "tracker._kernels",
    .m_doc = "Compiled twins of NumPy functions of the tracker; see tracker.kernels.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__kernels(void)
{
    return PyModuleDef_Init(&module);
}
