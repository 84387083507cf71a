"""See run_video.py."""

from run_video import run

if __name__ == "__main__":
    run("video_remux")
